"""Go on until the time limit."""

import itertools
import time

for second in itertools.count(1):
    update_job_progress(1.0 - 0.9**second)
    time.sleep(1.0)
