"""The floor under W2: the rows of one filing, inserted by pgbench as one transaction of statements.

The same tables, rows and jobs that the API leaves behind, with nothing around them: no HTTP, no token, no
validation, no look whether the key was used before.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bench import form
from bench.figures import Figures, figures
from bench.rows import RESIDENT_ID
from sandbox.postgres import Postgres, programs

_SCRIPT = """
\\set who random(1, {residents})
\\set which random(1, {services})
\\set number random(0, 999999999999)
BEGIN;
INSERT INTO queues AS q (department_code, service_code, last_turn) VALUES ('{department}', {service}, 1)
    ON CONFLICT (department_code, service_code) DO UPDATE SET last_turn = q.last_turn + 1
    RETURNING last_turn AS turn \\gset
INSERT INTO data_keys (owner_id, key_id, master_key_id, wrapped)
    VALUES ({new_id}, gen_random_uuid(), 'pgbench', decode(:wrapped, 'hex'))
    RETURNING owner_id AS submission \\gset
INSERT INTO submissions (
    id, service_code, service_version, department_code, applicant_id, state, answers, content_sha256,
    reference, received_at, turn, acceptance_due, decision_due, due_provisional)
    VALUES (:submission, {service}, 1, '{department}', {applicant}, 'received', decode(:answers, 'hex'),
    repeat('0', 64), :client_id || '-' || :number, now(), :turn, current_date + 7, current_date + 28, false);
INSERT INTO history (submission_id, number, at, step, from_state, state, actor_kind, actor_role, department_code,
    terms, previous_hash, personal_digest, row_hash, hash_algorithm)
    VALUES (:submission, 1, now(), 'receive', 'draft', 'received', 'resident', 'applicant', '{department}',
    jsonb_build_object('content_sha256', repeat('0', 64)), decode(repeat('00', 32), 'hex'),
    decode(repeat('01', 32), 'hex'), decode(repeat('02', 32), 'hex'), 'sha256');
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW('default', 'handover', 0, 'handover:' || :submission, NULL,
        jsonb_build_object('submission_id', :submission::text), NULL),
    ROW('default', 'notify', 0, 'notify:' || :submission, NULL,
        jsonb_build_object('submission_id', :submission::text, 'number', 1), NULL)
    ]::procrastinate_job_to_defer_v1[]) AS jobs;
INSERT INTO idempotency_records (scope, key, request_mac, status, headers, body)
    VALUES ('resident:' || {applicant}, 'pgbench-' || :client_id || '-' || :number, decode(repeat('00', 33), 'hex'),
    201, '{{"Content-Type": "application/json"}}', decode(:body, 'hex'));
COMMIT;
"""

RECEIPT = {
    "id": "00000000-0000-0000-0000-000000000000",
    "reference": "261122-4839-1027-5663-63",
    "state": "received",
    "turn": 100000,
    "received_at": "2026-11-22T10:00:00.000000+08:00",
    "due": {"acceptance": "2026-11-29", "decision": "2026-12-20", "provisional": False},
    "content_sha256": "0" * 64,
}

# Bytes that sealing adds (app/crypto/envelopes.py), and those of a wrapped data key.
_OVERHEAD, _WRAPPED = 47, 60


def run(postgres: Postgres, residents: int, services: int, clients: int, seconds: float) -> Figures:
    """File by SQL for `seconds` from so many connections at once."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "filing.sql")
        script.write_text(_script(postgres, residents, services))
        command = [str(programs() / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={clients}"]
        command += [f"--time={max(1, round(seconds))}", "--jobs=1", "--log", f"--log-prefix={folder}/latencies"]
        sealed = {"answers": _sealed(form.answers()), "body": _sealed(RECEIPT), "wrapped": secrets.token_hex(_WRAPPED)}
        command += [f"--define={name}={value}" for name, value in sealed.items()]
        command += [f"--file={script}", *_address(postgres)]
        secret = {"PGPASSWORD": unquote(urlsplit(postgres.url).password or "")}
        done = subprocess.run(command, env=os.environ | secret, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed:\n{done.stderr[-2000:]}")
        return _read(Path(folder))


def _sealed(content: Any) -> str:
    """Bytes as long as the sealed content, in hex; they open with no key, but the database can't know."""
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return (b"\x01" + secrets.token_bytes(_OVERHEAD - 1 + len(plain))).hex()


def _script(postgres: Postgres, residents: int, services: int) -> str:
    # The API's ids are in the order of time, which an index likes; older servers can't make them.
    new_id = "uuidv7()" if postgres.version() >= 18 else "gen_random_uuid()"
    words = {"department": form.DEPARTMENT, "new_id": new_id, "applicant": RESIDENT_ID.format(":who")}
    words["service"] = f"'{form.SERVICE.format('')}' || :which"
    return _SCRIPT.format(residents=residents, services=services, **words)


def _address(postgres: Postgres) -> list[str]:
    url = urlsplit(postgres.url)
    return [f"--host={url.hostname}", f"--port={url.port}", f"--username={url.username}", url.path.lstrip("/")]


def _read(folder: Path) -> Figures:
    """pgbench's log has a line a transaction: client, number, µs taken, file, and when it ended (s and µs)."""
    lines = [line.split() for log in folder.glob("latencies.*") for line in log.read_text().splitlines()]
    ends = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
    latencies = [int(line[2]) / 1e6 for line in lines]
    return figures(latencies, 0, max(ends) - min(ends) + latencies[0])
