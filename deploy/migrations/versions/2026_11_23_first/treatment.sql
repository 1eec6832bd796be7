-- The first tables of treatment.

-- projection
CREATE TABLE treatment.arrivals (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  event_id UUID NOT NULL,
  client_id UUID NOT NULL,
  identity_confirmed BOOLEAN NOT NULL,
  age_band TEXT NOT NULL,
  contactable BOOLEAN NOT NULL,
  arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
  came_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_arrivals PRIMARY KEY (clinic_id, booking_id, event_id)
);

-- projection
CREATE TABLE treatment.cleansings (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  event_id UUID NOT NULL,
  product TEXT NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_cleansings PRIMARY KEY (clinic_id, booking_id, event_id)
);

-- projection
CREATE TABLE treatment.clearances (
  clinic_id UUID NOT NULL,
  clearance_id UUID NOT NULL,
  client_id UUID NOT NULL,
  restriction_ids UUID[] NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  granted_by UUID NOT NULL,
  granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_clearances PRIMARY KEY (clinic_id, clearance_id)
);

CREATE INDEX ix_clearances_client ON treatment.clearances (clinic_id, client_id, valid_until);

-- projection
CREATE TABLE treatment.clients (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  person_id UUID NOT NULL,
  merged_index BIGINT,
  CONSTRAINT pk_clients PRIMARY KEY (clinic_id, client_id)
);

CREATE INDEX ix_clients_person ON treatment.clients (clinic_id, person_id);

-- projection
CREATE TABLE treatment.consents (
  clinic_id UUID NOT NULL,
  consent_id UUID NOT NULL,
  client_id UUID NOT NULL,
  form_id UUID NOT NULL,
  form_version BIGINT NOT NULL,
  modality TEXT NOT NULL,
  areas TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  explained_by UUID NOT NULL,
  signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  withdrawn_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_consents PRIMARY KEY (clinic_id, consent_id)
);

CREATE INDEX ix_consents_client ON treatment.consents (clinic_id, client_id, signed_at);

-- projection
CREATE TABLE treatment.cycles (
  clinic_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  sterilizer_id UUID NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
  released_as TEXT,
  CONSTRAINT pk_cycles PRIMARY KEY (clinic_id, cycle_id)
);

-- projection
CREATE TABLE treatment.forms (
  clinic_id UUID NOT NULL,
  form_id UUID NOT NULL,
  material_version BIGINT NOT NULL,
  CONSTRAINT pk_forms PRIMARY KEY (clinic_id, form_id)
);

-- projection
CREATE TABLE treatment.handpieces (
  clinic_id UUID NOT NULL,
  handpiece_id UUID NOT NULL,
  serial TEXT NOT NULL,
  modality TEXT NOT NULL,
  fits_gtins TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  CONSTRAINT pk_handpieces PRIMARY KEY (clinic_id, handpiece_id)
);

-- projection
CREATE TABLE treatment.held_items (
  clinic_id UUID NOT NULL,
  item_id UUID NOT NULL,
  held_by UUID NOT NULL,
  kind TEXT NOT NULL,
  held_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_held_items PRIMARY KEY (clinic_id, item_id, held_by)
);

-- projection
CREATE TABLE treatment.holds (
  clinic_id UUID NOT NULL,
  hold_id UUID NOT NULL,
  client_id UUID NOT NULL,
  placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  lifted_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_holds PRIMARY KEY (clinic_id, hold_id)
);

CREATE INDEX ix_holds_client ON treatment.holds (clinic_id, client_id);

-- projection
CREATE TABLE treatment.lots (
  clinic_id UUID NOT NULL,
  lot_id UUID NOT NULL,
  gtin TEXT NOT NULL,
  lot TEXT NOT NULL,
  expires_on DATE NOT NULL,
  CONSTRAINT pk_lots PRIMARY KEY (clinic_id, lot_id)
);

-- projection
CREATE TABLE treatment.numbings (
  clinic_id UUID NOT NULL,
  numbing_id UUID NOT NULL,
  event_id UUID NOT NULL,
  removed_event_id UUID,
  booking_id UUID NOT NULL,
  product TEXT NOT NULL,
  lidocaine_permille BIGINT NOT NULL,
  occluded BOOLEAN NOT NULL,
  prescriber_order BOOLEAN NOT NULL,
  applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
  removed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_numbings PRIMARY KEY (clinic_id, numbing_id)
);

CREATE INDEX ix_numbings_booking ON treatment.numbings (clinic_id, booking_id);

-- projection
CREATE TABLE treatment.overrides (
  clinic_id UUID NOT NULL,
  override_id UUID NOT NULL,
  event_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  role TEXT NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_overrides PRIMARY KEY (clinic_id, override_id)
);

CREATE INDEX ix_overrides_booking ON treatment.overrides (clinic_id, booking_id);

-- projection
CREATE TABLE treatment.packs (
  clinic_id UUID NOT NULL,
  pack_id UUID NOT NULL,
  cycle_id UUID NOT NULL,
  sterile_until DATE NOT NULL,
  CONSTRAINT pk_packs PRIMARY KEY (clinic_id, pack_id)
);

-- projection
CREATE TABLE treatment.policies (
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  digest TEXT NOT NULL,
  document JSONB NOT NULL,
  CONSTRAINT pk_policies PRIMARY KEY (clinic_id, policy_version)
);

-- projection
CREATE TABLE treatment.practitioners (
  clinic_id UUID NOT NULL,
  practitioner_id UUID NOT NULL,
  event_id UUID NOT NULL,
  role TEXT NOT NULL,
  modalities TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  valid_until DATE NOT NULL,
  CONSTRAINT pk_practitioners PRIMARY KEY (clinic_id, practitioner_id)
);

-- projection
CREATE TABLE treatment.reprocessings (
  clinic_id UUID NOT NULL,
  record_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  wet_seconds BIGINT NOT NULL,
  label_seconds BIGINT NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_reprocessings PRIMARY KEY (clinic_id, record_id)
);

CREATE INDEX ix_reprocessings_of ON treatment.reprocessings (clinic_id, subject_id, occurred_at);

-- projection
CREATE TABLE treatment.screenings (
  clinic_id UUID NOT NULL,
  screening_id UUID NOT NULL,
  client_id UUID NOT NULL,
  extent TEXT NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  policy_digest TEXT NOT NULL,
  restrictions JSONB NOT NULL,
  ledger_index BIGINT NOT NULL,
  CONSTRAINT pk_screenings PRIMARY KEY (clinic_id, screening_id)
);

CREATE INDEX ix_screenings_client ON treatment.screenings (clinic_id, client_id, extent, ledger_index);

-- projection
CREATE TABLE treatment.sterilizers (
  clinic_id UUID NOT NULL,
  sterilizer_id UUID NOT NULL,
  removed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_sterilizers PRIMARY KEY (clinic_id, sterilizer_id)
);

-- projection
CREATE TABLE treatment.treatments (
  clinic_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  event_id UUID NOT NULL,
  end_event_id UUID,
  booking_id UUID,
  client_id UUID NOT NULL,
  practitioner_id UUID NOT NULL,
  room_id UUID NOT NULL,
  handpiece_id UUID,
  unit_ids UUID[] NOT NULL,
  pack_ids UUID[] NOT NULL,
  lot_ids UUID[] NOT NULL,
  cycle_ids UUID[] NOT NULL,
  reprocessing_id UUID,
  turnover_id UUID,
  consent_id UUID,
  modality TEXT NOT NULL,
  areas TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  planned_areas TEXT[] NOT NULL,
  planned_depth_um BIGINT NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  planned_end_at TIMESTAMP WITH TIME ZONE NOT NULL,
  paused BOOLEAN NOT NULL,
  late BOOLEAN NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  needle_contact BOOLEAN NOT NULL,
  depths JSONB NOT NULL,
  end_missing BOOLEAN NOT NULL,
  stop_causes UUID[] NOT NULL,
  findings JSONB NOT NULL,
  end_findings JSONB NOT NULL,
  CONSTRAINT pk_treatments PRIMARY KEY (clinic_id, treatment_id)
);

CREATE INDEX ix_treatments_booking ON treatment.treatments (clinic_id, booking_id);

CREATE INDEX ix_treatments_client ON treatment.treatments (clinic_id, client_id, started_at);

CREATE INDEX ix_treatments_handpiece ON treatment.treatments (clinic_id, handpiece_id, started_at);

CREATE INDEX ix_treatments_open ON treatment.treatments (clinic_id, planned_end_at) WHERE ended_at is null;

CREATE INDEX ix_treatments_room ON treatment.treatments (clinic_id, room_id, started_at);

-- projection
CREATE TABLE treatment.turnovers (
  clinic_id UUID NOT NULL,
  record_id UUID NOT NULL,
  subject_id UUID NOT NULL,
  wet_seconds BIGINT NOT NULL,
  label_seconds BIGINT NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_turnovers PRIMARY KEY (clinic_id, record_id)
);

CREATE INDEX ix_turnovers_of ON treatment.turnovers (clinic_id, subject_id, occurred_at);

-- projection
CREATE TABLE treatment.units (
  clinic_id UUID NOT NULL,
  unit_id UUID NOT NULL,
  lot_id UUID NOT NULL,
  wasted_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_units PRIMARY KEY (clinic_id, unit_id)
);

-- projection
CREATE TABLE treatment.used_items (
  clinic_id UUID NOT NULL,
  item_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  CONSTRAINT pk_used_items PRIMARY KEY (clinic_id, item_id, treatment_id)
);

-- projection
CREATE TABLE treatment.visits (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  event_id UUID NOT NULL,
  client_id UUID NOT NULL,
  practitioner_id UUID NOT NULL,
  room_id UUID NOT NULL,
  device_id UUID,
  starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  visit_type TEXT NOT NULL,
  modality TEXT NOT NULL,
  areas TEXT[] NOT NULL,
  depth_um BIGINT NOT NULL,
  state TEXT NOT NULL,
  CONSTRAINT pk_visits PRIMARY KEY (clinic_id, booking_id)
);

CREATE INDEX ix_visits_slot ON treatment.visits (clinic_id, starts_at);
