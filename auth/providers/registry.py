"""Which protocols of e-ID providers we speak. A provider's configuration names one of them."""

from __future__ import annotations

from auth.providers.oidc import OidcProvider

PROTOCOLS = {"oidc": OidcProvider}
