"""Report progress for ten seconds."""

import time

STEPS = 200
for step in range(STEPS):
    time.sleep(10.0 / STEPS)
    update_job_progress((step + 1) / STEPS)

python_data = {"steps": STEPS}
