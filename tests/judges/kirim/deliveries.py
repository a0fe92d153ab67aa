"""Whether a verifier written in Python from Kirim's page on signatures tells real deliveries from others.

python3 deliveries.py CAPTURE
"""

import base64
import hashlib
import hmac
import json
import sys

TOLERANCE_SECONDS = 300


def is_genuine(header, body, secrets, now):
    """`header` is X-Kirim-Signature, `body` the raw bytes, `secrets` all active ones, `now` seconds since 1970."""
    time, marks = None, []
    for segment in (header or "").split(","):
        name, _, value = segment.partition("=")
        if name == "t" and value.isascii() and value.isdigit():
            time = value
        elif name == "v1":
            marks.append(value.encode())
    if time is None or abs(now - int(time)) > TOLERANCE_SECONDS:
        return False
    signed = time.encode() + b"." + body
    wanted = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets]
    return any([hmac.compare_digest(mark, each) for mark in marks for each in wanted])


def judge(delivery, secrets):
    """Returns how many secrets signed the delivery."""
    body = base64.b64decode(delivery["body"])
    header, at = delivery["headers"]["x-kirim-signature"], delivery["at"]
    own = secrets[delivery["path"]]
    foreign = [secret for path, several in secrets.items() if path != delivery["path"] for secret in several]
    time = int(header.split(",")[0].removeprefix("t="))
    marks = header.split(",")[1:]
    signed = [secret for secret in own if is_genuine(header, body, [secret], at)]

    assert signed, f"{delivery['headers']['x-kirim-event-id']} is genuine"
    assert len(signed) == len(marks), "each mark belongs to an active secret"
    assert is_genuine(header, body, own, time + 300), "five minutes are allowed"
    assert is_genuine(header, body, own, time - 300), "five minutes are allowed"
    refused = {
        "five minutes and a second old": (header, body, own, time + 301),
        "from the future": (header, body, own, time - 301),
        "under a foreign secret": (header, body, foreign, at),
        "a byte changed": (header, body[:-2] + bytes([body[-2] ^ 1]) + body[-1:], own, at),
        "a byte more": (header, body + b" ", own, at),
        "another time": (",".join([f"t={time + 1}", *marks]), body, own, at),
        "no mark": (f"t={time}", body, own, at),
        "no time": (",".join(marks), body, own, at),
        "a cut mark": (f"t={time},{marks[0][:-1]}", body, own, at),
        "no header": (None, body, own, at),
        "no secret": (header, body, [], at),
    }
    for what, given in refused.items():
        assert not is_genuine(*given), what
    return len(signed)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        capture = json.load(file)
    counts = [judge(delivery, capture["secrets"]) for delivery in capture["deliveries"]]
    assert max(counts) > 1, "a delivery under two secrets was among them"
    print(f"{len(counts)} deliveries, {sum(count > 1 for count in counts)} under two secrets")


main()
