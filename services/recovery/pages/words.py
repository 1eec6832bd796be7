"""What a client reads for a symptom's code, and how the states of check-ins look."""

from uuid import UUID

from services.screens import words
from services.screens.words import Look, thing

SYMPTOMS = {
    "breathing_difficulty": "Trouble breathing",
    "tongue_or_face_swelling": "A swollen tongue, or a face that swells up",
    "widespread_hives": "Itchy bumps (hives) over much of the body",
    "collapse": "Fainted or collapsed",
    "seizure": "A seizure (fit)",
    "chest_symptoms": "Chest pain, or a racing or uneven heartbeat",
    "ringing_ears": "Ringing in the ears",
    "metallic_taste": "A taste of metal in the mouth",
    "confusion": "Confused, or very drowsy",
    "blue_lips": "Blue or gray lips",
    "fever_or_chills": "A fever of 38 °C (100.4 °F) or more, or chills",
    "pus": "Pus",
    "spreading_redness": "Redness that spreads",
    "reappearing_redness": "Redness that had gone and came back",
    "severe_pain": "Strong pain",
    "worsening_pain": "Pain that gets worse",
    "increasing_swelling": "Swelling that gets worse",
    "blisters": "Blisters",
    "eye_involvement": "A painful or red eye, or sight that has changed",
    "dark_skin": "Skin that turns dark or black",
    "burn": "A burn",
    "contour_loss": "A dent, or a place that has lost its shape",
    "numbness": "A numb place",
    "redness_after_72_hours": "Redness more than three days after the treatment",
    "symptom_after_7_days": "Something that is still there after a week",
    "persisting_itch_or_burning": "Itching or burning that does not stop",
    "papules_or_nodules": "Small hard bumps",
    "pigment_change": "Patches that are darker or lighter than before",
    "track_marks": "Lines or rows of marks",
    "mild_redness": "A little redness",
    "warmth": "Warm skin",
    "tightness": "Tight skin",
    "dryness": "Dry skin",
    "mild_swelling": "A little swelling",
    "pinpoint_bleeding": "Tiny points of blood",
    "flaking": "Flaking skin",
    "bruising": "Bruises",
    "minor_scabbing": "Small scabs",
}

STATES = {
    "planned": Look("gray", "clock", "Planned"),
    "asked": Look("blue", "circle", "Asked"),
    "answered": Look("green", "check", "Answered"),
    "missed": Look("amber", "triangle", "No answer"),
}
TIERS = {
    "none": Look("green", "check", "Nothing unusual"),
    "review": Look("amber", "triangle", "To be looked at"),
    "urgent": Look("red", "stop", "Urgent"),
    "emergency": Look("red", "stop", "Emergency"),
}

CALLS = {
    None: Look("amber", "clock", "To be called"),
    "taken": Look("blue", "circle", "Taken"),
    "not_reached": Look("amber", "triangle", "Not reached"),
}

INCIDENTS = {
    "adverse_event": "An urgent reaction",
    "recorded_late": "A treatment that was entered from paper",
    "beyond_consent": "Deeper or elsewhere than the client had agreed to",
    "recall": "A recall",
    "lot_signal": "Signs of infection after cartridges of one lot",
}


def plain(code: str) -> str:
    """A code as people say it; a symptom as the client was asked for it."""
    return SYMPTOMS.get(code) or words.plain(code)


def called(named: dict[UUID, str], client_id: UUID) -> str:
    """A client's name for the roles that may know it, else the beginning of the id."""
    return named.get(client_id) or thing("Client", client_id)
