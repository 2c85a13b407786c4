"""One tree of errors, each with a stable code. Only the web edge knows HTTP statuses."""

from contracts.errors.access import *
from contracts.errors.kinds import *
from contracts.errors.limits import *
from contracts.errors.live import *
from contracts.errors.requests import *
from contracts.errors.service import *
from contracts.errors.uploads import *
