"""A worker as one writes it in an hour: a JSON object a line, in and out."""

import json
import sys

from echo import echo

for line in sys.stdin:
    call = json.loads(line)
    answer = {"id": call["id"], "result": echo(**call["args"])}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
