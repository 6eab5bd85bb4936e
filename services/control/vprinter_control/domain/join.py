"""Which `project_file` belongs to which upload. A slicer sends either of the two first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=30)
"""A job and its upload are at most this far apart."""


@dataclass(frozen=True, slots=True)
class Half:
    """An upload or a job: who sent it and when. Printer and file name are the same for all that are compared."""

    id: str
    client: str
    at: datetime
    access_code: str | None = None
    """Id of the access code that it came with, which is who sent it; none = not known."""


def pair(uploads: Iterable[Half], jobs: Iterable[Half]) -> dict[str, str]:
    """Upload id by job id. The order of arrival does not matter: same client first, then nearest in time.

    What came with different access codes never belongs together, though both senders be behind one address.
    """
    jobs = list(jobs)
    candidates = sorted(
        (upload.client != job.client, abs(upload.at - job.at), upload.at, job.at, upload.id, job.id)
        for upload in uploads
        for job in jobs
        if abs(upload.at - job.at) <= WINDOW and _one_sender(upload, job)
    )
    paired: dict[str, str] = {}
    taken: set[str] = set()
    for *_, upload_id, job_id in candidates:
        if upload_id not in taken and job_id not in paired:
            paired[job_id] = upload_id
            taken.add(upload_id)
    return paired


def _one_sender(upload: Half, job: Half) -> bool:
    return None in (upload.access_code, job.access_code) or upload.access_code == job.access_code
