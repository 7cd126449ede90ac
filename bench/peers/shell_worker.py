"""The same, as the documentation of python-shell has it; answers come in the order of the calls."""

import json
import sys

from echo import echo

for line in sys.stdin:
    print(json.dumps(echo(**json.loads(line))), flush=True)
