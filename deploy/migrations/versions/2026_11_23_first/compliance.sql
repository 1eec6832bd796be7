-- The first tables of compliance.

-- projection
CREATE TABLE compliance.exposures (
  clinic_id UUID NOT NULL,
  recall_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  item_id UUID NOT NULL,
  CONSTRAINT pk_exposures PRIMARY KEY (clinic_id, recall_id, treatment_id, item_id)
);

CREATE INDEX ix_exposures_clinic_id_treatment_id ON compliance.exposures (clinic_id, treatment_id);

-- private
CREATE TABLE compliance.identities (
  clinic_id UUID NOT NULL,
  identity_id UUID NOT NULL,
  display_name TEXT NOT NULL,
  CONSTRAINT pk_identities PRIMARY KEY (clinic_id, identity_id)
);

-- projection
CREATE TABLE compliance.loads (
  clinic_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  sterilizer_id UUID NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  index BIGINT NOT NULL,
  CONSTRAINT pk_loads PRIMARY KEY (clinic_id, cycle_id)
);

CREATE INDEX ix_loads_clinic_id_sterilizer_id_started_at ON compliance.loads (clinic_id, sterilizer_id, started_at);

-- projection
CREATE TABLE compliance.lots (
  clinic_id UUID NOT NULL,
  lot_id UUID NOT NULL,
  received BIGINT NOT NULL,
  CONSTRAINT pk_lots PRIMARY KEY (clinic_id, lot_id)
);

-- projection
CREATE TABLE compliance.mentions (
  clinic_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  epoch BIGINT NOT NULL,
  index BIGINT NOT NULL,
  type TEXT NOT NULL,
  CONSTRAINT pk_mentions PRIMARY KEY (clinic_id, subject_id, epoch, index)
);

-- projection
CREATE TABLE compliance.merges (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  into_client_id UUID NOT NULL,
  CONSTRAINT pk_merges PRIMARY KEY (clinic_id, client_id)
);

CREATE INDEX ix_merges_clinic_id_into_client_id ON compliance.merges (clinic_id, into_client_id);

-- projection
CREATE TABLE compliance.packs (
  clinic_id UUID NOT NULL,
  pack_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  CONSTRAINT pk_packs PRIMARY KEY (clinic_id, pack_id, cycle_id)
);

CREATE INDEX ix_packs_clinic_id_cycle_id ON compliance.packs (clinic_id, cycle_id);

-- projection
CREATE TABLE compliance.policies (
  approver_id UUID NOT NULL,
  index BIGINT NOT NULL,
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  digest TEXT NOT NULL,
  document JSONB NOT NULL,
  CONSTRAINT pk_policies PRIMARY KEY (clinic_id, policy_version)
);

-- private
CREATE TABLE compliance.policy_texts (
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  text TEXT NOT NULL,
  CONSTRAINT pk_policy_texts PRIMARY KEY (clinic_id, policy_version)
);

-- projection
CREATE TABLE compliance.quarantines (
  clinic_id UUID NOT NULL,
  item_id UUID NOT NULL,
  index BIGINT NOT NULL,
  CONSTRAINT pk_quarantines PRIMARY KEY (clinic_id, item_id)
);

-- projection
CREATE TABLE compliance.systems (
  clinic_id UUID NOT NULL,
  system TEXT NOT NULL,
  identity_id UUID NOT NULL,
  connected BOOLEAN NOT NULL,
  CONSTRAINT pk_systems PRIMARY KEY (clinic_id, system)
);

-- projection
CREATE TABLE compliance.treatments (
  clinic_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  booking_id UUID,
  client_id UUID NOT NULL,
  practitioner_id UUID NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  needle_contact BOOLEAN,
  recorded_late BOOLEAN NOT NULL,
  epoch BIGINT NOT NULL,
  index BIGINT NOT NULL,
  CONSTRAINT pk_treatments PRIMARY KEY (clinic_id, treatment_id)
);

CREATE INDEX ix_treatments_clinic_id_started_at ON compliance.treatments (clinic_id, started_at);

-- projection
CREATE TABLE compliance.units (
  clinic_id UUID NOT NULL,
  unit_id UUID NOT NULL,
  lot_id UUID NOT NULL,
  wasted BOOLEAN NOT NULL,
  CONSTRAINT pk_units PRIMARY KEY (clinic_id, unit_id, lot_id)
);

CREATE INDEX ix_units_clinic_id_lot_id ON compliance.units (clinic_id, lot_id);

-- projection
CREATE TABLE compliance.uses (
  clinic_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  kind TEXT NOT NULL,
  treatment_id UUID NOT NULL,
  CONSTRAINT pk_uses PRIMARY KEY (clinic_id, subject_id, kind, treatment_id)
);

CREATE INDEX ix_uses_clinic_id_treatment_id ON compliance.uses (clinic_id, treatment_id);
