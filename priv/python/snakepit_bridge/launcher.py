"""The launcher: starts one worker, and when it ends proves that no descendant of it is left.

    python -I -S …/snakepit_bridge/launcher.py subreaper|pidNamespace PROGRAM [ARGUMENT…]

It stands between the runtime and the worker for as long as the worker lives, and takes in every
descendant that is orphaned: daemons too, which left session, group and environment.

- `subreaper`: orphans become the launcher's own children. It ends them, reaps, and looks again until
  the kernel says that it has no child left (ECHILD).
- `pidNamespace`: the worker and all orphans are children of an init, which the launcher adds. When that
  init ends, the kernel ends everybody inside and lets it be reaped only when nobody is left. Nothing of
  this needs the launcher to be well: the kernel ends the init, too, when the launcher is killed.

What the runtime sees is the worker: its output, its beats, and at last its very exit status, for the
launcher ends in the same way. SIGTERM is passed on to the worker's group.

Who watches whom: the launcher polls the runtime's lifeline. The worker arms it, too, and a second one
(the *tether*) to the launcher, so that the kernel ends the worker's group when either of them is gone.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Isolated, so that no module of the user's stands in for one of Python's; its own package it has to find itself.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    from snakepit_bridge.launching.launch import main

    main(sys.argv)
