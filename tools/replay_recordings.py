"""Whether callers read through the gateway what providers really sent: recorded traffic, served again and compared.

    python tools/replay_recordings.py FILE [--chunk 1,7,37] [--only PROVIDER] [--lines 3,17]

FILE holds one JSON object a line (.jsonl, .jsonl.xz): src, provider, method, uri, request, status, ctype, headers,
body_b64. Each answer that fits an endpoint is served by a local upstream in pieces of that many bytes, read through
`extproc up` by OpenAI's SDK and natively by the vendor's. Exit code 1: something is read differently.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.replay.judging import judge  # noqa: E402
from tests.replay.recordings import read  # noqa: E402
from tests.replay.table import details, lines  # noqa: E402
from tests.sdk.environments import VENDORS, set_up_all  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--chunk", default="1,7,37", help="sizes of pieces in bytes; 0 is everything at once")
    parser.add_argument("--only", help="one provider of the file")
    parser.add_argument("--lines", help="these lines of the file, from 1")
    given = parser.parse_args()
    if VENDORS.why_missing():
        set_up_all(lambda text: print(text, file=sys.stderr))  # noqa: T201
    if why := VENDORS.why_missing():
        sys.exit(why)
    sizes = [int(size) for size in given.chunk.split(",")]
    wanted = {int(number) for number in given.lines.split(",")} if given.lines else None
    recordings = [
        each
        for each in read(given.file)
        if given.only in (None, each.provider) and (wanted is None or each.number in wanted)
    ]
    tally = judge(recordings, sizes)
    for line in (*details(tally), *lines(tally, sizes)):
        sys.stdout.write(line + "\n")
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main())
