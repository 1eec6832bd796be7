"""When the same skin may be needled again (domain.md 1.1)."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from schemas.policy.document import Policy
from schemas.policy.visits import SpacingBand
from schemas.vocabulary import Area, AreaDepth, LocalDate, Modality, Shape, Verdict, zones


class PastTreatment(Shape):
    """A session as spacing sees it.

    `treated_on` is the date on the wall where and when it started, kept as a date: a clinic in another time zone reads the
    same day. Depths are those charted, not those planned; for a treatment still open, the consented maximum.
    """

    treatment_id: UUID
    treated_on: LocalDate
    areas_depths: tuple[AreaDepth, ...]
    modality: Modality = Modality.MICRONEEDLING
    needle_contact: bool = True


class Spacing(Shape):
    """The earliest and the recommended date, and the treatments that set them. No dates: nothing to wait for."""

    earliest_on: LocalDate | None = None
    recommended_on: LocalDate | None = None
    because: tuple[UUID, ...] = ()

    def verdict_on(self, day: LocalDate) -> Verdict:
        """What the rule says about a session on this local date."""
        if self.earliest_on is not None and day < self.earliest_on:
            return Verdict.UNMET
        if self.recommended_on is not None and day < self.recommended_on:
            return Verdict.WARNING
        return Verdict.MET


def spacing_band(policy: Policy, modality: Modality, depth_um: int) -> SpacingBand:
    """The band a session of this depth falls in; beyond the deepest band, the deepest."""
    bands = sorted((b for b in policy.spacing.bands.values() if b.modality == modality), key=lambda b: b.up_to_um)
    return next((band for band in bands if depth_um <= band.up_to_um), bands[-1])


def _depth_by_zone(areas_depths: Iterable[AreaDepth]) -> dict[Area, int]:
    deepest: dict[Area, int] = {}
    for charted in areas_depths:
        for zone in zones((charted.area,)):
            deepest[zone] = max(deepest.get(zone, 0), charted.depth_um)
    return deepest


def earliest_next_treatment(policy: Policy, previous: Sequence[PastTreatment], areas: Sequence[Area], modality: Modality) -> Spacing:
    """When these areas may be treated, after all that was done before.

    Each zone of skin keeps its own clock, by the depth reached there. Sessions without needle contact start none, and
    neither do sessions of another modality class. Order and repetition of `previous` do not matter.
    """
    wanted = zones(tuple(areas))
    classes = policy.spacing.modality_classes
    clocks = [
        (
            past.treated_on + timedelta(days=band.floor_days),
            past.treated_on + timedelta(days=max(band.recommended_days, band.floor_days)),
            past.treatment_id,
        )
        for past in previous
        if past.needle_contact and classes[past.modality] == classes[modality]
        for zone, depth_um in _depth_by_zone(past.areas_depths).items()
        if zone in wanted
        for band in (spacing_band(policy, past.modality, depth_um),)
    ]
    if not clocks:
        return Spacing()
    earliest_on = max(earliest for earliest, _, _ in clocks)
    recommended_on = max(recommended for _, recommended, _ in clocks)
    setting = {cause for earliest, recommended, cause in clocks if earliest == earliest_on or recommended == recommended_on}
    return Spacing(earliest_on=earliest_on, recommended_on=recommended_on, because=tuple(sorted(setting)))
