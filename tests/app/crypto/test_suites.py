"""The two suites against published vectors, and against each other's promise."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from app.crypto import sm2, suites
from app.crypto.failures import SealVersionUnknown, SuiteUnavailable
from app.crypto.suites import INTERNATIONAL, NATIONAL, SigningPair, Suite

HASHES: dict[str, hashes.HashAlgorithm] = {"international": hashes.SHA256(), "national": hashes.SM3()}


def test_sm3_of_the_standards_example() -> None:
    """GB/T 32905-2016 annex A.1."""
    assert NATIONAL.digest(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_sm4_block_of_the_standards_example() -> None:
    """GB/T 32907-2016 annex A.1: the block cipher under our mode."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    assert encryptor.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_gcm_of_rfc_8998() -> None:
    """RFC 8998 appendix A.1."""
    cipher = NATIONAL.cipher(bytes.fromhex("0123456789abcdeffedcba9876543210"))
    nonce, associated = bytes.fromhex("00001234567800000000abcd"), bytes.fromhex("feedfacedeadbeef" * 2 + "abaddad2")
    plain = b"".join(bytes([byte] * 8) for byte in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    sealed = cipher.encrypt(nonce, plain, associated)
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert cipher.decrypt(nonce, sealed, associated) == plain


def test_aes_256_gcm_of_the_modes_authors() -> None:
    """McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14."""
    sealed = INTERNATIONAL.cipher(bytes(32)).encrypt(bytes(12), bytes(16), b"")
    assert sealed.hex() == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"


def test_sha256_and_hmac_of_their_standards() -> None:
    """FIPS 180-4 example "abc"; RFC 4231 test case 2."""
    assert INTERNATIONAL.digest(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    mac = INTERNATIONAL.mac(b"Jefe", b"what do ya want for nothing?")
    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_hmac_sm3_by_its_definition() -> None:
    """RFC 2104 §2 with SM3 as H; the block of SM3 has 64 bytes."""
    key, text = b"k" * 32, b"some text"
    inner, outer = (bytes(a ^ b for a, b in zip(key.ljust(64, b"\0"), pad * 64, strict=True)) for pad in (b"6", b"\\"))
    assert NATIONAL.mac(key, text) == NATIONAL.digest(outer + NATIONAL.digest(inner + text))


def test_hkdf_of_rfc_5869() -> None:
    """RFC 5869 appendix A.1, the first 32 bytes of its output."""
    secret = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    derived = INTERNATIONAL.derive(secret, bytes(range(0xF0, 0xFA)))
    assert derived.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


@pytest.mark.parametrize("size", [1, 16, 32])
def test_derivation_is_what_a_library_derives(suite: Suite, size: int) -> None:
    other = HKDFExpand(HASHES[suite.name], size, b"info")
    assert suite.derive(b"s" * 32, b"info", size) == other.derive(b"s" * 32)


@pytest.mark.parametrize(("secret", "size"), [(b"short", 32), (b"s" * 32, 33), (b"s" * 32, 0)])
def test_derivation_refuses_weak_secrets_and_long_keys(suite: Suite, secret: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        suite.derive(secret, b"info", size)


def test_ed25519_of_rfc_8032() -> None:
    """RFC 8032 §7.1, test 1."""
    pair = SigningPair(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
        bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
    )
    signature = INTERNATIONAL.sign(pair, b"")
    assert signature.hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
    assert INTERNATIONAL.verify(pair.public, b"", signature)


def test_a_signature_fits_its_message_and_key_alone(suite: Suite) -> None:
    pair, other = suite.new_signing_pair(), suite.new_signing_pair()
    signature = suite.sign(pair, "收件凭证".encode())
    assert suite.verify(pair.public, "收件凭证".encode(), signature)
    assert not suite.verify(pair.public, b"something else", signature)
    assert not suite.verify(other.public, "收件凭证".encode(), signature)
    for wrong in (b"", signature[:-1], signature + b"0", bytes(len(signature))):
        assert not suite.verify(pair.public, "收件凭证".encode(), wrong)


def test_what_is_no_public_key_is_said_so(suite: Suite) -> None:
    with pytest.raises(ValueError):
        suite.verify(b"too short", b"message", b"signature")


def test_a_signing_pair_does_not_show_its_private_half(suite: Suite) -> None:
    pair = suite.new_signing_pair()
    assert repr(pair.private) not in repr(pair) and pair.private.hex() not in repr(pair)


def test_a_cipher_gives_nothing_out_for_a_short_value(suite: Suite) -> None:
    with pytest.raises(InvalidTag):
        suite.cipher(bytes(suite.key_size)).decrypt(bytes(12), b"short", b"")


def test_suites_are_found_by_number_and_by_name(suite: Suite) -> None:
    assert suites.numbered(suite.number) is suites.named(suite.name) is suite


def test_unknown_suites_are_refused() -> None:
    with pytest.raises(SealVersionUnknown):
        suites.numbered(0)
    with pytest.raises(ValueError, match="international or national"):
        suites.named("rot13")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sm2, "gmssl", None)
    with pytest.raises(SuiteUnavailable, match="gmssl-pyx"):
        NATIONAL.new_signing_pair()
    assert NATIONAL.cipher(bytes(16)).encrypt(bytes(12), b"sealing needs no SM2", b"")
