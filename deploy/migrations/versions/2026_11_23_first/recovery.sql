-- The first tables of recovery.

-- private
CREATE TABLE recovery.check_in_answers (
  clinic_id UUID NOT NULL,
  answer_id UUID NOT NULL,
  checkin_id UUID,
  treatment_id UUID NOT NULL,
  client_id UUID NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  infection BOOLEAN NOT NULL,
  reaction_event_id UUID,
  salt BYTEA NOT NULL,
  content BYTEA NOT NULL,
  CONSTRAINT pk_check_in_answers PRIMARY KEY (clinic_id, answer_id)
);

CREATE INDEX ix_check_in_answers_clinic_id_checkin_id ON recovery.check_in_answers (clinic_id, checkin_id);

CREATE INDEX ix_check_in_answers_clinic_id_client_id ON recovery.check_in_answers (clinic_id, client_id);

-- projection
CREATE TABLE recovery.check_ins (
  clinic_id UUID NOT NULL,
  checkin_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  client_id UUID NOT NULL,
  step TEXT NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  remind_at TIMESTAMP WITH TIME ZONE,
  missed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  staff_task BOOLEAN NOT NULL,
  link_seconds BIGINT NOT NULL,
  state TEXT NOT NULL,
  link_until TIMESTAMP WITH TIME ZONE,
  tier TEXT,
  answered_event_id UUID,
  CONSTRAINT pk_check_ins PRIMARY KEY (clinic_id, checkin_id)
);

CREATE INDEX ix_check_ins_asked ON recovery.check_ins (missed_at) WHERE state = 'asked';

CREATE INDEX ix_check_ins_planned ON recovery.check_ins (due_at) WHERE state = 'planned';

-- projection
CREATE TABLE recovery.incidents (
  clinic_id UUID NOT NULL,
  incident_id UUID NOT NULL,
  kind TEXT NOT NULL,
  subject_id UUID NOT NULL,
  cause UUID NOT NULL,
  become_aware_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ledger_index BIGINT NOT NULL,
  CONSTRAINT pk_incidents PRIMARY KEY (clinic_id, incident_id)
);

CREATE INDEX ix_incidents_clinic_id_kind_subject_id ON recovery.incidents (clinic_id, kind, subject_id);

-- projection
CREATE TABLE recovery.policies (
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  digest TEXT NOT NULL,
  document JSONB NOT NULL,
  CONSTRAINT pk_policies PRIMARY KEY (clinic_id, policy_version)
);

-- projection
CREATE TABLE recovery.reactions (
  clinic_id UUID NOT NULL,
  reaction_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  client_id UUID NOT NULL,
  tier TEXT NOT NULL,
  reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ledger_index BIGINT NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_reactions PRIMARY KEY (clinic_id, reaction_id)
);

-- projection
CREATE TABLE recovery.safety_holds (
  clinic_id UUID NOT NULL,
  hold_id UUID NOT NULL,
  client_id UUID NOT NULL,
  reason TEXT NOT NULL,
  tier TEXT NOT NULL,
  cause UUID NOT NULL,
  placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ledger_index BIGINT NOT NULL,
  placed_event_id UUID NOT NULL,
  lifted_at TIMESTAMP WITH TIME ZONE,
  lifted_event_id UUID,
  CONSTRAINT pk_safety_holds PRIMARY KEY (clinic_id, hold_id)
);

CREATE INDEX ix_safety_holds_clinic_id_client_id ON recovery.safety_holds (clinic_id, client_id);

-- projection
CREATE TABLE recovery.treatments (
  clinic_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  client_id UUID NOT NULL,
  modality TEXT NOT NULL,
  max_depth_um BIGINT NOT NULL,
  lot_ids UUID[] NOT NULL,
  CONSTRAINT pk_treatments PRIMARY KEY (clinic_id, treatment_id)
);
