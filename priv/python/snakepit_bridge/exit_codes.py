"""What a worker's exit status means. Node reads these numbers; see the table in its documentation.

Plain integers: this module is imported before the lifeline is armed, where `enum` is too slow.
"""

OK = 0  # asked to stop; or the runtime or stdout is gone, and the own group was cleaned first
UNCAUGHT = 1  # an exception that nobody handles; Python's own status for it
USAGE = 2  # wrong command line
UNAVAILABLE = 69  # the adapter or the environment cannot be loaded: a restart will not help
FORCED = 70  # the graceful stop overran its own deadline
UNCONTAINED = 71  # what was to contain the descendants cannot be made; another start may succeed
PROTOCOL = 76  # the peer on the beat channel does not speak our protocol
MISCONFIGURED = 78  # the configuration is invalid: a restart will not help
