#!/usr/bin/env python3
"""Test vectors for what DDSX adds to RFC 9162: canonical leaves, credits, source ranges, heads, compact ranges, whole pulls.

Written from docs/leaf-format.md and the definition of a compact range, not from the Rust code, so that the two check each other.
64-bit numbers are decimal strings (JSON numbers lose digits above 2^53); bytes and hashes are lower-case hexadecimal.
Usage: make_ddsx_log.py > ddsx-log.json
"""
import hashlib, json
H = lambda b: hashlib.sha256(b).digest()
leaf_hash = lambda d: H(b"\x00" + d)
node = lambda l, r: H(b"\x01" + l + r)
be = lambda n, size: n.to_bytes(size, "big")
label_hash = lambda label: H(b"\x05" + label.encode())

def mth(hashes):
    if not hashes: return H(b"")
    if len(hashes) == 1: return hashes[0]
    k = 1
    while k * 2 < len(hashes): k *= 2
    return node(mth(hashes[:k]), mth(hashes[k:]))

def compact(begin, end, hashes):
    "Roots of the largest aligned complete subtrees that cover [begin, end), from left to right."
    out = []
    while begin < end:
        size = 1
        while begin % (2 * size) == 0 and begin + 2 * size <= end: size *= 2
        out.append(mth(hashes[begin:begin + size])); begin += size
    return out

def encode_credits(credits):
    return b"\x01" + be(len(credits), 4) + b"".join(be(n, 4) + label_hash(label) + be(records, 8) for n, label, records in credits)

def encode_sources(sources):
    entries = [be(len(r), 1) + r + be(s, 8) + be(b, 8) + be(e, 8) + root for r, s, b, e, root in sources]
    assert entries == sorted(entries)
    return b"\x01" + be(len(entries), 2) + b"".join(entries)

def encode_leaf(f):
    sources = f["sources"]
    return (b"\x01" + (b"\x01" if sources else b"\x00") + be(f["stream"], 8) + be(f["sequence"], 8) + be(f["provider_time"], 8)
        + be(f["registry_time"], 8) + be(f["content_type"], 2) + be(f["records"], 8) + be(f["verdict"], 1) + f["credits"]
        + be(f["payload_len"], 8) + f["payload_hash"] + (sources or b""))

def encode_head(size, time, root): return b"\x01" + be(size, 8) + be(time, 8) + root

def leaf_vector(f):
    encoded = encode_leaf(f)
    shown = {k: v.hex() if isinstance(v, bytes) else v if k in ("content_type", "verdict") or v is None else str(v) for k, v in f.items()}
    return shown | {"encoded": encoded.hex(), "hash": leaf_hash(encoded).hex()}

def head_vector(size, time, root):
    encoded = encode_head(size, time, root)
    return {"tree_size": str(size), "timestamp": str(time), "root": root.hex(), "encoded": encoded.hex(), "hash": H(b"\x04" + encoded).hex()}

TOP = 2**64 - 1
credit_lists = [[], [(0, "us", 1)], [(0, "us", 3), (7, "ci", 1), (2**32 - 1, "se – zürich", TOP - 4)]]
source_lists = [[(bytes(range(10)), 3, 0, 1, H(b"a"))], [(b"", 0, 0, TOP, H(b"b")), (b"\x01\x02", 1, 5, 9, H(b"c")), (b"\x01\x02", 1, 9, 10, H(b"d"))]]
credits_hash = lambda c: H(b"\x02" + encode_credits(c))
sources_hash = lambda s: H(b"\x03" + encode_sources(s))
leaves = [
    dict(stream=0, sequence=0, provider_time=0, registry_time=0, content_type=0, records=0, verdict=0, credits=credits_hash([]), payload_len=0, payload_hash=H(b""), sources=None),
    dict(stream=1, sequence=2, provider_time=1_517_184_000_000_000_000, registry_time=1_517_184_001_000_000_007, content_type=2, records=1, verdict=0b1011, credits=credits_hash(credit_lists[1]), payload_len=5, payload_hash=H(b"hello"), sources=None),
    dict(stream=TOP, sequence=TOP, provider_time=TOP, registry_time=TOP, content_type=0xffff, records=TOP, verdict=15, credits=credits_hash(credit_lists[2]), payload_len=TOP, payload_hash=H(b"x"), sources=sources_hash(source_lists[1])),
]

# A stream as a client pulls it.
stream = []
for i in range(21):
    payload = b'{"event":%d}\n' % i * (i + 1)
    credits = [(n, "net%d" % n, i + 1) for n in range(i % 3 + 1)]
    f = dict(stream=42, sequence=i, provider_time=10**18 + i, registry_time=10**18 + 5 + i, content_type=2, records=sum(c[2] for c in credits), verdict=1,
        credits=credits_hash(credits), payload_len=len(payload), payload_hash=H(payload), sources=None)
    stream.append((payload, credits, encode_leaf(f)))
hashes = [leaf_hash(l) for _, _, l in stream]
n = len(hashes)
hx = lambda l: [x.hex() for x in l]
print(json.dumps({
    "labels": [{"label": l, "hash": label_hash(l).hex()} for l in ["", "us", "se – zürich"]],
    "credits": [{"list": [{"contributor": c, "label": l, "records": str(r)} for c, l, r in cs], "encoded": encode_credits(cs).hex(), "hash": credits_hash(cs).hex()} for cs in credit_lists],
    "sources": [{"list": [{"registry": r.hex(), "stream": str(s), "begin": str(b), "end": str(e), "root": root.hex()} for r, s, b, e, root in ss], "encoded": encode_sources(ss).hex(), "hash": sources_hash(ss).hex()} for ss in source_lists],
    "leaves": [leaf_vector(f) for f in leaves],
    "heads": [head_vector(0, 7, H(b"")), head_vector(TOP, TOP, H(b"root"))],
    "stream": {"id": "42", "chunks": [{"payload": p.hex(), "credits": encode_credits(c).hex(), "leaf": l.hex(), "leaf_hash": leaf_hash(l).hex()} for p, c, l in stream],
        "heads": [head_vector(i, 10**18 + 100 + i, mth(hashes[:i])) for i in range(n + 1)]},
    "compact_ranges": [{"begin": b, "end": e, "hashes": hx(compact(b, e, hashes)), "encoded": (b"\x01" + be(b, 8) + be(e, 8) + b"".join(compact(b, e, hashes))).hex()} for b in range(n + 1) for e in range(b, n + 1)],
}, indent=0, ensure_ascii=False))
