-- The first tables of consent.

-- private
CREATE TABLE consent.answer_sheets (
  clinic_id UUID NOT NULL,
  screening_id UUID NOT NULL,
  client_id UUID NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  by_clinician BOOLEAN NOT NULL,
  salt BYTEA NOT NULL,
  content BYTEA NOT NULL,
  CONSTRAINT pk_answer_sheets PRIMARY KEY (clinic_id, screening_id)
);

CREATE INDEX ix_answer_sheets_clinic_id_client_id ON consent.answer_sheets (clinic_id, client_id);

-- private
CREATE TABLE consent.clearance_bases (
  clinic_id UUID NOT NULL,
  clearance_id UUID NOT NULL,
  restriction_id UUID NOT NULL,
  client_id UUID NOT NULL,
  basis TEXT NOT NULL,
  CONSTRAINT pk_clearance_bases PRIMARY KEY (clinic_id, clearance_id, restriction_id)
);

CREATE INDEX ix_clearance_bases_clinic_id_client_id ON consent.clearance_bases (clinic_id, client_id);

-- projection
CREATE TABLE consent.clearances (
  clinic_id UUID NOT NULL,
  restriction_id UUID NOT NULL,
  clearance_id UUID NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  granted_by UUID NOT NULL,
  CONSTRAINT pk_clearances PRIMARY KEY (clinic_id, restriction_id, clearance_id)
);

-- projection
CREATE TABLE consent.consent_requests (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  form_id UUID NOT NULL,
  form_version BIGINT NOT NULL,
  CONSTRAINT pk_consent_requests PRIMARY KEY (clinic_id, booking_id, form_id, form_version)
);

-- projection
CREATE TABLE consent.consents (
  clinic_id UUID NOT NULL,
  consent_id UUID NOT NULL,
  client_id UUID NOT NULL,
  form_id UUID NOT NULL,
  form_version BIGINT NOT NULL,
  language TEXT NOT NULL,
  modality TEXT NOT NULL,
  areas TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  explained_by UUID NOT NULL,
  signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  signed_event_id UUID NOT NULL,
  withdrawn_at TIMESTAMP WITH TIME ZONE,
  withdrawn_event_id UUID,
  CONSTRAINT pk_consents PRIMARY KEY (clinic_id, consent_id)
);

CREATE INDEX ix_consents_clinic_id_client_id ON consent.consents (clinic_id, client_id);

-- private
CREATE TABLE consent.form_texts (
  clinic_id UUID NOT NULL,
  form_id UUID NOT NULL,
  form_version BIGINT NOT NULL,
  text TEXT NOT NULL,
  CONSTRAINT pk_form_texts PRIMARY KEY (clinic_id, form_id, form_version)
);

-- projection
CREATE TABLE consent.forms (
  clinic_id UUID NOT NULL,
  form_id UUID NOT NULL,
  form_version BIGINT NOT NULL,
  language TEXT NOT NULL,
  text_digest TEXT NOT NULL,
  material BOOLEAN NOT NULL,
  modality TEXT NOT NULL,
  areas TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  valid_days BIGINT NOT NULL,
  published_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_forms PRIMARY KEY (clinic_id, form_id, form_version)
);

-- projection
CREATE TABLE consent.merged_clients (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  into_client_id UUID NOT NULL,
  CONSTRAINT pk_merged_clients PRIMARY KEY (clinic_id, client_id)
);

-- projection
CREATE TABLE consent.policies (
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  digest TEXT NOT NULL,
  document JSONB NOT NULL,
  CONSTRAINT pk_policies PRIMARY KEY (clinic_id, policy_version)
);

-- projection
CREATE TABLE consent.practitioners (
  clinic_id UUID NOT NULL,
  practitioner_id UUID NOT NULL,
  valid_until DATE NOT NULL,
  CONSTRAINT pk_practitioners PRIMARY KEY (clinic_id, practitioner_id)
);

-- private
CREATE TABLE consent.reasons (
  clinic_id UUID NOT NULL,
  restriction_id UUID NOT NULL,
  client_id UUID NOT NULL,
  screening_id UUID NOT NULL,
  verdict JSONB NOT NULL,
  CONSTRAINT pk_reasons PRIMARY KEY (clinic_id, restriction_id)
);

CREATE INDEX ix_reasons_clinic_id_client_id ON consent.reasons (clinic_id, client_id);

-- projection
CREATE TABLE consent.restrictions (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  restriction_id UUID NOT NULL,
  restriction JSONB NOT NULL,
  policy_digest TEXT NOT NULL,
  CONSTRAINT pk_restrictions PRIMARY KEY (clinic_id, client_id, restriction_id)
);

-- projection
CREATE TABLE consent.screenings (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  extent TEXT NOT NULL,
  screening_id UUID NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  policy_digest TEXT NOT NULL,
  entry_index BIGINT NOT NULL,
  CONSTRAINT pk_screenings PRIMARY KEY (clinic_id, client_id, extent)
);

-- projection
CREATE TABLE consent.screenings_taken (
  clinic_id UUID NOT NULL,
  screening_id UUID NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_screenings_taken PRIMARY KEY (clinic_id, screening_id)
);

-- private
CREATE TABLE consent.signatures (
  clinic_id UUID NOT NULL,
  consent_id UUID NOT NULL,
  client_id UUID NOT NULL,
  salt BYTEA NOT NULL,
  content BYTEA NOT NULL,
  CONSTRAINT pk_signatures PRIMARY KEY (clinic_id, consent_id)
);

CREATE INDEX ix_signatures_clinic_id_client_id ON consent.signatures (clinic_id, client_id);
