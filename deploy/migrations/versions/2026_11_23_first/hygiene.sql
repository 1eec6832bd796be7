-- The first tables of hygiene.

-- private
CREATE TABLE hygiene.cycle_samples (
  clinic_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  salt BYTEA NOT NULL,
  report BYTEA NOT NULL,
  CONSTRAINT pk_cycle_samples PRIMARY KEY (clinic_id, cycle_id)
);

-- projection
CREATE TABLE hygiene.cycles (
  clinic_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  sterilizer_id UUID NOT NULL,
  cycle_number BIGINT NOT NULL,
  program TEXT NOT NULL,
  purpose TEXT NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
  external_indicator TEXT NOT NULL,
  internal_indicator TEXT NOT NULL,
  mechanical TEXT NOT NULL,
  indicator TEXT NOT NULL,
  indicator_product TEXT,
  packs BIGINT NOT NULL,
  released TEXT,
  release_id UUID,
  recall_ids UUID[] NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_cycles PRIMARY KEY (clinic_id, cycle_id)
);

CREATE INDEX ix_cycles_awaiting_release ON hygiene.cycles (clinic_id, started_at) WHERE release_id is null and mechanical = 'passed' and purpose = 'load' and recall_ids = '{}';

CREATE INDEX ix_cycles_by_indicator ON hygiene.cycles (clinic_id, sterilizer_id, indicator, started_at);

CREATE INDEX ix_cycles_by_number ON hygiene.cycles (clinic_id, sterilizer_id, cycle_number);

CREATE INDEX ix_cycles_by_time ON hygiene.cycles (clinic_id, sterilizer_id, started_at);

CREATE INDEX ix_cycles_recalled ON hygiene.cycles USING gin (recall_ids) WHERE recall_ids <> '{}';

-- projection
CREATE TABLE hygiene.disinfections (
  clinic_id UUID NOT NULL,
  disinfection_id UUID NOT NULL,
  kind TEXT NOT NULL,
  subject_id UUID NOT NULL,
  product TEXT NOT NULL,
  wet_seconds BIGINT NOT NULL,
  label_seconds BIGINT NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_disinfections PRIMARY KEY (clinic_id, disinfection_id)
);

CREATE INDEX ix_disinfections_clinic_id_kind_subject_id_occurred_at ON hygiene.disinfections (clinic_id, kind, subject_id, occurred_at);

-- projection
CREATE TABLE hygiene.handpieces (
  clinic_id UUID NOT NULL,
  handpiece_id UUID NOT NULL,
  serial TEXT NOT NULL,
  modality TEXT NOT NULL,
  fits_gtins TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_handpieces PRIMARY KEY (clinic_id, handpiece_id)
);

-- projection
CREATE TABLE hygiene.indicators (
  clinic_id UUID NOT NULL,
  indicator_id UUID NOT NULL,
  sterilizer_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  product TEXT,
  lot TEXT NOT NULL,
  result TEXT NOT NULL,
  control_grew BOOLEAN NOT NULL,
  incubated_seconds BIGINT NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_indicators PRIMARY KEY (clinic_id, indicator_id)
);

CREATE INDEX ix_indicators_clinic_id_sterilizer_id_occurred_at ON hygiene.indicators (clinic_id, sterilizer_id, occurred_at);

-- projection
CREATE TABLE hygiene.item_uses (
  clinic_id UUID NOT NULL,
  item_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  client_id UUID NOT NULL,
  lot_id UUID,
  CONSTRAINT pk_item_uses PRIMARY KEY (clinic_id, item_id, treatment_id)
);

CREATE INDEX ix_item_uses_by_lot ON hygiene.item_uses (clinic_id, lot_id) WHERE lot_id is not null;

CREATE INDEX ix_item_uses_clinic_id_treatment_id ON hygiene.item_uses (clinic_id, treatment_id);

-- projection
CREATE TABLE hygiene.lots (
  clinic_id UUID NOT NULL,
  lot_id UUID NOT NULL,
  gtin TEXT NOT NULL,
  lot TEXT NOT NULL,
  lot_key TEXT NOT NULL,
  serial TEXT,
  expires_on DATE NOT NULL,
  source TEXT NOT NULL,
  quantity BIGINT NOT NULL,
  labeled BIGINT NOT NULL,
  used BIGINT NOT NULL,
  wasted BIGINT NOT NULL,
  quarantined TEXT,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  event_id UUID NOT NULL,
  CONSTRAINT pk_lots PRIMARY KEY (clinic_id, lot_id)
);

CREATE INDEX ix_lots_by_code ON hygiene.lots (clinic_id, gtin, lot_key);

CREATE INDEX ix_lots_on_hand ON hygiene.lots (clinic_id, expires_on) WHERE quantity > used + wasted and quarantined is null;

-- projection
CREATE TABLE hygiene.packs (
  clinic_id UUID NOT NULL,
  pack_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  contents TEXT NOT NULL,
  sterile_until DATE NOT NULL,
  released BOOLEAN NOT NULL,
  quarantined TEXT,
  quarantine_id UUID,
  used BOOLEAN NOT NULL,
  CONSTRAINT pk_packs PRIMARY KEY (clinic_id, pack_id)
);

CREATE INDEX ix_packs_clinic_id_cycle_id ON hygiene.packs (clinic_id, cycle_id);

CREATE INDEX ix_packs_usable ON hygiene.packs (clinic_id, sterile_until) WHERE released and not used and quarantined is null;

-- projection
CREATE TABLE hygiene.place_uses (
  clinic_id UUID NOT NULL,
  kind TEXT NOT NULL,
  treatment_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  client_id UUID NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_place_uses PRIMARY KEY (clinic_id, kind, treatment_id)
);

CREATE INDEX ix_place_uses_clinic_id_kind_subject_id_started_at ON hygiene.place_uses (clinic_id, kind, subject_id, started_at);

-- projection
CREATE TABLE hygiene.places (
  clinic_id UUID NOT NULL,
  kind TEXT NOT NULL,
  subject_id UUID NOT NULL,
  disinfected_at TIMESTAMP WITH TIME ZONE,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_places PRIMARY KEY (clinic_id, kind, subject_id)
);

-- projection
CREATE TABLE hygiene.policies (
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  digest TEXT NOT NULL,
  document JSONB NOT NULL,
  CONSTRAINT pk_policies PRIMARY KEY (clinic_id, policy_version)
);

-- projection
CREATE TABLE hygiene.recall_exposures (
  clinic_id UUID NOT NULL,
  recall_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  item_id UUID NOT NULL,
  client_id UUID NOT NULL,
  found_late BOOLEAN NOT NULL,
  CONSTRAINT pk_recall_exposures PRIMARY KEY (clinic_id, recall_id, treatment_id, item_id)
);

-- projection
CREATE TABLE hygiene.recalls (
  clinic_id UUID NOT NULL,
  recall_id UUID NOT NULL,
  kind TEXT NOT NULL,
  subject_id UUID NOT NULL,
  cause UUID NOT NULL,
  window_from TIMESTAMP WITH TIME ZONE,
  window_until TIMESTAMP WITH TIME ZONE,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decision TEXT NOT NULL,
  decide_by TIMESTAMP WITH TIME ZONE,
  pack_ids UUID[] NOT NULL,
  causation TEXT NOT NULL,
  CONSTRAINT pk_recalls PRIMARY KEY (clinic_id, recall_id)
);

CREATE INDEX ix_recalls_clinic_id_opened_at ON hygiene.recalls (clinic_id, opened_at);

CREATE INDEX ix_recalls_clinic_id_subject_id ON hygiene.recalls (clinic_id, subject_id);

CREATE INDEX ix_recalls_undecided ON hygiene.recalls (decide_by) WHERE decision = 'pending';

-- projection
CREATE TABLE hygiene.sterilizers (
  clinic_id UUID NOT NULL,
  sterilizer_id UUID NOT NULL,
  serial TEXT NOT NULL,
  air_removal TEXT NOT NULL,
  programs TEXT[] NOT NULL,
  commissioned_at TIMESTAMP WITH TIME ZONE NOT NULL,
  in_service BOOLEAN NOT NULL,
  removed_at TIMESTAMP WITH TIME ZONE,
  removal_reason TEXT,
  last_run_at TIMESTAMP WITH TIME ZONE,
  event_id UUID NOT NULL,
  CONSTRAINT pk_sterilizers PRIMARY KEY (clinic_id, sterilizer_id)
);

CREATE INDEX ix_sterilizers_clinic_id_serial ON hygiene.sterilizers (clinic_id, serial);

-- projection
CREATE TABLE hygiene.units (
  clinic_id UUID NOT NULL,
  unit_id UUID NOT NULL,
  lot_id UUID NOT NULL,
  waste_reason TEXT,
  wasted_at TIMESTAMP WITH TIME ZONE,
  waste_id UUID,
  CONSTRAINT pk_units PRIMARY KEY (clinic_id, unit_id)
);

CREATE INDEX ix_units_clinic_id_lot_id_unit_id ON hygiene.units (clinic_id, lot_id, unit_id);
