"""The projection that all projectors of this service register with."""

from events.policy import follow_policy
from events.projection import Projection
from services.recovery.models import Policies

projects = Projection("recovery")
follow_policy(projects, Policies)
