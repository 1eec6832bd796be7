"""The projection that all projectors of this service register with, and whoever may act in the clinic."""

from events import access
from events.catalog.compliance import AccessGranted, AccessRevoked
from events.projection import Projection

projects = Projection("compliance")
projects(AccessGranted)(access.apply_grant)
projects(AccessRevoked)(access.apply_revocation)
