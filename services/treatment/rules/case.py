"""One case before the gate: everything that was loaded, frozen. What is unknown is None or missing, and rules say so."""

from uuid import UUID

from schemas.policy import PastTreatment, Policy, local_date
from schemas.vocabulary import Area, Instant, LocalDate, Micrometers, Modality, Restriction, RestrictionClass, Shape, overlap, zones
from services.treatment.rules.records import (
    Arrival,
    BookedVisit,
    Cartridge,
    Cleansing,
    Clearance,
    Consent,
    Credential,
    Disinfection,
    Handpiece,
    Hold,
    Numbing,
    Opening,
    OpenTreatment,
    Override,
    Pack,
    Reservation,
    Screening,
    Session,
    Use,
)


class Case(Shape):
    """Asked for a start: `at` and `until` are now, `treatment_id` is None.

    For a running treatment `at` is its start and `until` now; for one recorded late, its start and its end. What that
    treatment itself uses does not count against it.
    """

    policy: Policy | None
    version: int | None
    clock_trusted: bool
    at: Instant
    until: Instant
    treatment_id: UUID | None = None
    booking_id: UUID | None
    practitioner_id: UUID
    room_id: UUID | None
    handpiece_id: UUID | None
    cartridge_unit_ids: tuple[UUID, ...]
    opened_packs: tuple[Opening, ...]
    areas: tuple[Area, ...]
    depth_um: Micrometers
    modality: Modality
    photos_taken: bool
    emergency_kit_in_date: bool
    persons_client_ids: tuple[UUID, ...]

    visit: BookedVisit | None
    treated_in: tuple[UUID, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    screenings: tuple[Screening, ...] = ()
    full_answered_at: Instant | None = None
    clearances: tuple[Clearance, ...] = ()
    consents: tuple[Consent, ...] = ()
    holds: tuple[Hold, ...] = ()
    credential: Credential | None = None
    handpiece: Handpiece | None = None
    handpiece_held_at: Instant | None = None
    reprocessing: Disinfection | None = None
    handpiece_uses: tuple[Use, ...] = ()
    turnover: Disinfection | None = None
    room_uses: tuple[Use, ...] = ()
    cartridges: tuple[Cartridge, ...] = ()
    packs: tuple[Pack, ...] = ()
    numbings: tuple[Numbing, ...] = ()
    cleansings: tuple[Cleansing, ...] = ()
    sessions: tuple[Session, ...] = ()
    open_treatments: tuple[OpenTreatment, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def rules_of(self) -> Policy:
        """The policy. The gate asks a rule only when there is one."""
        if self.policy is None:
            raise LookupError("no policy is in force")
        return self.policy

    @property
    def names_its_skin(self) -> bool:
        """Whether a start says where the needles go, and how deep. No areas overlap with nothing: no rule about skin would bite."""
        return self.treatment_id is not None or bool(self.areas and self.depth_um)

    @property
    def today(self) -> LocalDate:
        """The date of the start on the clinic's wall."""
        return local_date(self.rules_of, self.at)

    @property
    def arrival(self) -> Arrival | None:
        """The newest arrival of the day: an older one was for another day's slot."""
        came = [arrival for arrival in self.arrivals if local_date(self.rules_of, arrival.arrived_at) == self.today]
        return max(came, key=lambda arrival: arrival.arrived_at, default=None)

    @property
    def came_at(self) -> Instant | None:
        """When the client first came that day."""
        came = (arrival.came_at or arrival.arrived_at for arrival in self.arrivals)
        return min((at for at in came if local_date(self.rules_of, at) == self.today), default=None)

    @property
    def valid_consents(self) -> tuple[Consent, ...]:
        """Signed, not withdrawn, not outlived, not superseded, for this modality; the newest first."""
        valid = (
            consent
            for consent in self.consents
            if consent.modality is self.modality
            and consent.signed_at <= self.at < consent.valid_until
            and not self._taken_back(consent)
            and (consent.material_version is None or consent.form_version >= consent.material_version)
            and (consent.explained_by == self.practitioner_id or not self.rules_of.consent.new_practitioner_signs_anew)
        )
        return tuple(sorted(valid, key=lambda consent: consent.signed_at, reverse=True))

    def _taken_back(self, consent: Consent) -> bool:
        """Withdrawn itself, or a later signature for some of its skin was: a no is not answered with an older yes."""
        return any(
            no.withdrawn_at is not None
            and no.withdrawn_at <= self.until
            and (
                no == consent or (no.modality is consent.modality and consent.signed_at < no.signed_at and overlap(consent.areas, no.areas))
            )
            for no in self.consents
        )

    @property
    def covering_consents(self) -> tuple[Consent, ...]:
        """Those of the valid consents that allow this depth on some of this skin: together they must cover it."""
        wanted = zones(self.areas)
        return tuple(c for c in self.valid_consents if c.max_depth_um >= self.depth_um and (not wanted or wanted & zones(c.areas)))

    @property
    def newest_screening(self) -> Screening | None:
        return max(self.screenings, key=lambda screening: screening.ledger_index, default=None)

    @property
    def standing_restrictions(self) -> tuple[Restriction, ...]:
        """What screening restricts today on this skin. No areas: the whole body.

        The newest screening carries all that stands. Until the person is asked again after two records became one,
        what the other record says stands too.
        """
        newest = self.newest_screening
        if newest is None:
            return ()
        merged_since = newest.merged_index is not None and newest.merged_index > newest.ledger_index
        wanted = zones(self.areas)
        return tuple(
            restriction
            for screening in (self.screenings if merged_since else (newest,))
            for restriction in screening.restrictions
            if (restriction.until is None or self.today < restriction.until)
            and (not restriction.areas or not wanted or wanted & zones(restriction.areas))
        )

    def clearance_of(self, restriction: Restriction) -> Clearance | None:
        """The clearance that opens a restriction now; policy may ask that another person gave it."""
        if restriction.restriction_class is not RestrictionClass.CLEARANCE:
            return None
        second = self.rules_of.screening.second_person_clears
        given = (
            clearance
            for clearance in self.clearances
            if restriction.restriction_id in clearance.restriction_ids
            and clearance.granted_at <= self.until
            and self.at < clearance.valid_until
            and not (second and clearance.granted_by == self.practitioner_id)
        )
        return max(given, key=lambda clearance: clearance.valid_until, default=None)

    @property
    def past_treatments(self) -> tuple[PastTreatment, ...]:
        """What spacing counts: all sessions of the person before this one."""
        return tuple(
            PastTreatment(
                treatment_id=session.treatment_id,
                treated_on=local_date(self.rules_of, session.started_at),
                areas_depths=session.depths,
                modality=session.modality,
                needle_contact=session.needle_contact,
            )
            for session in self.sessions
            if session.treatment_id != self.treatment_id
        )
