"""What is asked about clients, practitioners, rooms and devices."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.booking.words import A_CLIENT, Email, Name, Phone, example
from schemas.vocabulary import Language, LocalDate, Micrometers, Modality, Role, Shape


class ClientDetails(Shape):
    """Who a client is. Stands beside the ledger, never in it."""

    model_config = example(
        {
            "given_name": "Noor",
            "family_name": "de Vries",
            "date_of_birth": "1991-04-12",
            "email": "noor@example.org",
            "phone": "+31201234567",
            "language": "nl",
        }
    )

    given_name: Name = Field(description="As the client says it at the desk.")
    family_name: Name = Field(description="As the client says it at the desk.")
    date_of_birth: LocalDate = Field(description="Compared on arrival; the ledger only sees an age band.")
    email: Email | None = Field(None, description="Where messages go; email or phone makes a client contactable.")
    phone: Phone | None = Field(None, description="E.164, with the plus.")
    language: Language = Field("en", description="The language of forms and messages.")

    @model_validator(mode="after")
    def _was_born(self) -> Self:
        if self.date_of_birth.year < 1890:  # noqa: PLR2004 - nobody older is alive; a typing error is
            raise ValueError("date_of_birth lies too far back")
        return self


class ClientRegistration(ClientDetails):
    """`client.register`: make a client known under the sender's id."""

    model_config = example(
        {
            "client_id": A_CLIENT,
            "given_name": "Noor",
            "family_name": "de Vries",
            "date_of_birth": "1991-04-12",
            "phone": "+31201234567",
            "language": "nl",
        }
    )

    client_id: UUID = Field(description="Chosen by the sender; the same id with other content is refused.")


class ClientMerge(Shape):
    """Two records were one person: everything of `client_id` counts for `into_client_id` from now on."""

    client_id: UUID = Field(description="The record that is given up.")
    into_client_id: UUID = Field(description="The record that stays.")


class MergeTarget(Shape):
    """Which record stays."""

    model_config = example({"into_client_id": A_CLIENT})

    into_client_id: UUID = Field(description="The record that stays.")


class ResourceDetails(Shape):
    """A room or a device. After each visit it is busy for its turnover, which the visit itself does not show."""

    model_config = example({"kind": "room", "turnover_minutes": 15})

    kind: Literal["room", "device"] = Field(description="A device's id is its handpiece's id.")
    turnover_minutes: Annotated[int, Field(ge=0, le=480)] | None = Field(
        None, description="Cleaning after each visit; without it the clinic's policy says."
    )


class ResourceAddition(ResourceDetails):
    """Add a room or device, or change its turnover."""

    resource_id: UUID = Field(description="Chosen by the clinic; for a device its handpiece's id.")


class CredentialDetails(Shape):
    """What a practitioner may do, and until when (inclusive)."""

    model_config = example({"role": "practitioner", "modalities": ["microneedling"], "max_depth_um": 1500, "valid_until": "2027-12-31"})

    role: Literal[Role.PRACTITIONER, Role.CLINICIAN] = Field(description="Deep needling and RF need a clinician.")
    modalities: Annotated[tuple[Modality, ...], Field(min_length=1, max_length=2)] = Field(description="What the license covers.")
    max_depth_um: Micrometers = Field(description="The deepest setting this person may use.")
    valid_until: LocalDate = Field(description="The last local day the license holds.")


class Credential(CredentialDetails):
    """Credential a practitioner, or renew it."""

    practitioner_id: UUID = Field(description="The identity that presses Start.")
