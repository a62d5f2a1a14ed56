#!/usr/bin/env python3
"""Check by yourself that nothing in your submission was altered. 自行核验您的办件记录未被改动。

    python verifier.py proof.json ROOT

`proof.json` is the answer of GET /v1/submissions/{id}/proof. ROOT is what everybody can read: the file that
GET /v1/open/tree-heads/{day} gave, or only the root in it, 64 hexadecimal digits. Better still, take a copy that you or
somebody else kept since that day. It says what holds, and ends with 0 if everything does, with 1 if not.

Needs Python 3.9 or newer and nothing else; it asks nobody and writes nothing. 只需 Python，不联网，不写入任何文件。

It does NOT check who signed the head, nor its time stamp, nor that your ROOT is the one that everybody else was shown:
Python has no signatures of its own. openssl has; docs/api-guide.md says how. 本程序不核验树头的签名和时间戳。
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

PERSONAL = ("actor_id", "actor_name", "items", "opinion", "principal_id")


Said = tuple[str, str]
Hash = Callable[[bytes], bytes]


class Wrong(Exception):
    """Something does not hold: what, in Chinese and in English."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__)
        return 2
    try:
        for zh, en in check(read(arguments[0]), read_root(arguments[1])):
            print(f"✓ {zh}\n  {en}")
    except Wrong as wrong:
        zh, en = wrong.args
        print(f"✗ {zh}\n  {en}")
        print("核验未通过。 It does not hold.")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
        print("✗ 文件不完整或格式不符。\n  A file is incomplete or not of this kind.")
        return 1
    print("核验通过。 Everything holds.")
    print("未核验：树头的签名、时间戳，以及所给树根是否就是向公众公布的树根。")
    print("Not checked: the head's signature and time stamp, and that the root you gave is what everybody was shown.")
    return 0


def read(name: str) -> Any:
    try:
        with open(name, encoding="utf-8") as file:
            return json.load(file)
    except OSError:
        raise Wrong(f"无法读取文件 {name}", f"The file {name} cannot be read") from None


def read_root(given: str) -> Any:
    """The published head, or at least its root."""
    return {"root": given.lower()} if re.fullmatch("[0-9a-fA-F]{64}", given) else read(given)


def check(proof: Any, head: Any) -> Iterator[Said]:
    """Everything there is to check, told step by step. Raises Wrong at the first thing that does not hold."""
    yield from check_chain(proof)
    tree = proof["tree"]
    if tree is None:
        raise Wrong(
            "办件尚未列入已公布的哈希树：请在次日零点十分以后重新获取证明",
            "It is in no published tree yet: get the proof again after ten past midnight (China)",
        )
    yield from check_inclusion(proof, tree, head)
    if "signed" in head:
        yield check_head(tree, head)
    rest = len(proof["rows"]) - tree["row"]
    if rest:
        yield (
            f"其后的 {rest} 行尚未公布，只核验了其衔接",
            f"the {rest} rows after that are not published yet; of them only the chain was checked",
        )


def check_chain(proof: Any) -> Iterator[Said]:
    """Every row continues the one before it, and is what was hashed."""
    rows, before, hidden = proof["rows"], "00" * 32, 0
    for number, row in enumerate(rows, 1):
        if row["number"] != number or row["previous_hash"] != before:
            raise broken(number, "与上一行不相衔接", "does not continue the row before it")
        before = row["row_hash"]
        if "facts" not in row:
            hidden += 1
            continue
        check_row(proof, row)
    if not rows or "facts" not in rows[0]:
        # Hashes alone would be anybody's: the first row says whose history this is.
        raise Wrong("没有收件的记录", "There is no row of the receipt")
    yield (
        f"{len(rows)} 行记录首尾相接，内容与哈希相符",
        f"{len(rows)} rows continue each other and are what was hashed",
    )
    filed = rows[0]["facts"]["terms"].get("content_sha256")
    if filed:
        yield (
            f"提交内容的哈希为 {filed}，请与收件凭证核对",
            f"what was filed has the hash {filed}: compare it with your receipt",
        )
    if hidden:
        yield (
            f"其中 {hidden} 行为内部环节，只核验其哈希",
            f"{hidden} of them are internal steps, of which only the hashes were checked",
        )


def check_row(proof: Any, row: Any) -> None:
    """The row's own hash, and the digest of what is personal in it."""
    number, facts, digest = row["number"], row["facts"], hashing(row["hash_algorithm"])
    if facts["submission_id"] != proof["submission"] or facts["number"] != number:
        raise broken(number, "不属于这个办件", "belongs to another submission")
    fields = {}
    for name in PERSONAL:
        told = row["personal"][name]
        plain = canonical([told.get("salt"), name, told.get("value")])
        fields[name] = told["digest"] if "digest" in told else digest(plain).hex()
    if digest(canonical(fields)).hex() != row["personal_digest"]:
        raise broken(number, "的个人内容与摘要不符", "has a personal part that is not what was hashed")
    hashed = dict(facts)
    for name in ("hash_algorithm", "personal_digest", "previous_hash"):
        hashed[name] = row[name]
    if digest(canonical(hashed)).hex() != row["row_hash"]:
        raise broken(number, "的内容与哈希不符", "is not what was hashed")


def broken(number: int, zh: str, en: str) -> Wrong:
    return Wrong(f"第 {number} 行{zh}", f"Row {number} {en}")


def check_inclusion(proof: Any, tree: Any, head: Any) -> Iterator[Said]:
    """RFC 9162 §2.1.3.2: the leaf, hashed with its neighbours up to the root, is the published root."""
    digest, number = hashing(tree["hash_algorithm"]), tree["row"]
    if not 1 <= number <= len(proof["rows"]):
        raise Wrong("证明所指的行不存在", "The proof is about a row that is not there")
    leaf = digest(b"\x00" + bytes.fromhex(proof["rows"][number - 1]["row_hash"]))
    found = climb(digest, leaf, tree["leaf_index"], tree["tree_size"], [bytes.fromhex(step) for step in tree["path"]])
    if found is None or found.hex() != head["root"]:
        raise Wrong(
            f"第 1 至 {number} 行不在所给的树根之下",
            f"Rows 1 to {number} are not under the root that you gave",
        )
    day, size, root = tree["day"], tree["tree_size"], head["root"]
    yield (
        f"第 1 至 {number} 行列入 {day} 的哈希树（共 {size} 个办件），树根 {root}",
        f"rows 1 to {number} are in the tree of {day} ({size} submissions) with the root {root}",
    )


def climb(digest: Hash, found: bytes, position: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that a path leads to; None when it is too long or too short."""
    last = size - 1
    if not 0 <= position <= last:
        return None
    for step in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            found = digest(b"\x01" + step + found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = digest(b"\x01" + found + step)
        position, last = position >> 1, last >> 1
    return found if last == 0 else None


def check_head(tree: Any, head: Any) -> Said:
    """What was signed and time-stamped says the same as the rest of the head."""
    said = json.loads(head["signed"])
    same = all(said[name] == head[name] for name in ("day", "tree_size", "root", "previous_hash", "hash_algorithm"))
    hashed = hashing(said["hash_algorithm"])(head["signed"].encode("utf-8")).hex()
    if not same or hashed != head["head_hash"] or said["day"] != tree["day"] or said["tree_size"] != tree["tree_size"]:
        raise Wrong("公布的树头自相矛盾", "The published head contradicts itself")
    return (
        "树头与其被签名的内容一致",
        "the head says what was signed",
    )


def canonical(content: Any) -> bytes:
    """Canonical JSON (RFC 8785), which this is for texts, whole numbers, true, false and null."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def hashing(name: str) -> Hash:
    """SHA-256, or SM3, which Python itself does not bring everywhere."""
    if name == "sha256":
        return lambda data: hashlib.sha256(data).digest()
    if name == "sm3":
        return sm3
    raise Wrong("未知的哈希算法", "An unknown hash algorithm")


def sm3(data: bytes) -> bytes:
    """GB/T 32905-2016."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    for at in range(0, len(padded), 64):
        made = sm3_block(state, padded[at : at + 64])
        state = [state[place] ^ made[place] for place in range(8)]
    return b"".join(word.to_bytes(4, "big") for word in state)


def rotated(word: int, by: int) -> int:
    by %= 32
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF if by else word


def sm3_block(state: Sequence[int], block: bytes) -> Sequence[int]:
    words = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 64, 4)]
    for j in range(16, 68):
        mixed = words[j - 16] ^ words[j - 9] ^ rotated(words[j - 3], 15)
        mixed ^= rotated(mixed, 15) ^ rotated(mixed, 23)
        words.append(mixed ^ rotated(words[j - 13], 7) ^ words[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        early = j < 16
        constant = rotated(0x79CC4519 if early else 0x7A879D8A, j)
        first = rotated((rotated(a, 12) + e + constant) & 0xFFFFFFFF, 7)
        left = a ^ b ^ c if early else (a & b) | (a & c) | (b & c)
        right = e ^ f ^ g if early else (e & f) | (~e & 0xFFFFFFFF & g)
        low = (left + d + (first ^ rotated(a, 12)) + (words[j] ^ words[j + 4])) & 0xFFFFFFFF
        high = (right + h + first + words[j]) & 0xFFFFFFFF
        a, b, c, d = low, a, rotated(b, 9), c
        e, f, g, h = high ^ rotated(high, 9) ^ rotated(high, 17), e, rotated(f, 19), g
    return a, b, c, d, e, f, g, h


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
