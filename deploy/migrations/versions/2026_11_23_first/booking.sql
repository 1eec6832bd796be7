-- The first tables of booking.

-- projection
CREATE TABLE booking.bookings (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
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
  event_id UUID NOT NULL,
  findings JSONB NOT NULL,
  arrived_at TIMESTAMP WITH TIME ZONE,
  identity_confirmed BOOLEAN,
  arrival_event_id UUID,
  no_show_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_bookings PRIMARY KEY (clinic_id, booking_id)
);

CREATE INDEX ix_bookings_clinic_id_client_id_ends_at ON booking.bookings (clinic_id, client_id, ends_at);

CREATE INDEX ix_bookings_clinic_id_device_id_ends_at ON booking.bookings (clinic_id, device_id, ends_at);

CREATE INDEX ix_bookings_clinic_id_starts_at ON booking.bookings (clinic_id, starts_at);

-- private
CREATE TABLE booking.client_details (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  salt BYTEA NOT NULL,
  content BYTEA NOT NULL,
  given_name TEXT NOT NULL,
  family_name TEXT NOT NULL,
  date_of_birth DATE NOT NULL,
  email TEXT,
  phone TEXT,
  language TEXT NOT NULL,
  CONSTRAINT pk_client_details PRIMARY KEY (clinic_id, client_id)
);

CREATE INDEX ix_client_details_clinic_id_date_of_birth ON booking.client_details (clinic_id, date_of_birth);

-- projection
CREATE TABLE booking.clients (
  clinic_id UUID NOT NULL,
  client_id UUID NOT NULL,
  contactable BOOLEAN NOT NULL,
  into_client_id UUID,
  event_id UUID NOT NULL,
  CONSTRAINT pk_clients PRIMARY KEY (clinic_id, client_id)
);

CREATE INDEX ix_clients_clinic_id_into_client_id ON booking.clients (clinic_id, into_client_id);

-- projection
CREATE TABLE booking.flags (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  reason TEXT NOT NULL,
  cause UUID NOT NULL,
  earliest_on DATE,
  flagged_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_flags PRIMARY KEY (clinic_id, booking_id, reason, cause)
);

-- projection
CREATE TABLE booking.holds (
  clinic_id UUID NOT NULL,
  hold_id UUID NOT NULL,
  client_id UUID NOT NULL,
  CONSTRAINT pk_holds PRIMARY KEY (clinic_id, hold_id)
);

CREATE INDEX ix_holds_clinic_id_client_id ON booking.holds (clinic_id, client_id);

-- projection
CREATE TABLE booking.occupancies (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  part TEXT NOT NULL,
  subject_id UUID NOT NULL,
  starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_occupancies PRIMARY KEY (clinic_id, booking_id, part)
);

CREATE INDEX ix_occupancies_clinic_id_subject_id_ends_at ON booking.occupancies (clinic_id, subject_id, ends_at);

-- projection
CREATE TABLE booking.overrides (
  clinic_id UUID NOT NULL,
  booking_id UUID NOT NULL,
  rule TEXT NOT NULL,
  override_id UUID NOT NULL,
  valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_overrides PRIMARY KEY (clinic_id, booking_id, rule)
);

-- projection
CREATE TABLE booking.policies (
  clinic_id UUID NOT NULL,
  policy_version BIGINT NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  digest TEXT NOT NULL,
  document JSONB NOT NULL,
  CONSTRAINT pk_policies PRIMARY KEY (clinic_id, policy_version)
);

-- projection
CREATE TABLE booking.practitioners (
  clinic_id UUID NOT NULL,
  practitioner_id UUID NOT NULL,
  role TEXT NOT NULL,
  modalities TEXT[] NOT NULL,
  max_depth_um BIGINT NOT NULL,
  valid_until DATE NOT NULL,
  CONSTRAINT pk_practitioners PRIMARY KEY (clinic_id, practitioner_id)
);

-- projection
CREATE TABLE booking.resources (
  clinic_id UUID NOT NULL,
  resource_id UUID NOT NULL,
  kind TEXT NOT NULL,
  turnover_minutes BIGINT,
  modality TEXT,
  max_depth_um BIGINT,
  CONSTRAINT pk_resources PRIMARY KEY (clinic_id, resource_id)
);

-- projection
CREATE TABLE booking.sessions (
  clinic_id UUID NOT NULL,
  treatment_id UUID NOT NULL,
  client_id UUID NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  modality TEXT NOT NULL,
  depths JSONB NOT NULL,
  CONSTRAINT pk_sessions PRIMARY KEY (clinic_id, treatment_id)
);

CREATE INDEX ix_sessions_clinic_id_client_id_started_at ON booking.sessions (clinic_id, client_id, started_at);
