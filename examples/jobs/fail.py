"""Print something, and fail."""

print("Looking for an object called Unobtainium")
update_job_progress(0.5)
raise LookupError(f"{object_name} is no Unobtainium")
