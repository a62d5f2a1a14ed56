// A certified OpenID provider (npm oidc-provider) that logs in whoever a story chose, without asking anybody.
//
// Prints its address when it is ready. POST /control {"account", "acr", "ago", "rotate"} says how the next logins are:
// by whom, how strongly, how many seconds ago; rotate makes a new signing key and publishes it alone.
import { createServer } from "node:http";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import Provider from "oidc-provider";

const [, , clientId, clientSecret, redirectUri] = process.argv;
const chosen = { account: "li-jianguo", acr: "urn:test:3", ago: 0 };
const people = {
  "li-jianguo": { name: "李建国", document_number: "532399198806150316", phone_number: "19900000002" },
  "zhang-wei": { name: "张伟", document_number: "532399197909210177", phone_number: "19900000004" },
};

function signingKey() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid: randomBytes(8).toString("hex"), use: "sig", alg: "ES256" };
}

const cookieKeys = [randomBytes(32).toString("hex")];

function build(issuer) {
  return new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_basic",
        id_token_signed_response_alg: "ES256",
        subject_type: "pairwise",
      },
    ],
    jwks: { keys: [signingKey()] },
    cookies: { keys: cookieKeys },
    subjectTypes: ["pairwise"],
    pairwiseIdentifier: async (ctx, account, client) => `pairwise-${client.clientId}-${account}`,
    acrValues: ["urn:test:1", "urn:test:3", "urn:test:4"],
    scopes: ["openid", "profile", "identity"],
    claims: {
      openid: ["sub"],
      acr: null,
      auth_time: null,
      profile: ["name", "phone_number"],
      identity: ["document_type", "document_number"],
    },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (ctx, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, document_type: "111", ...people[id] }),
    }),
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc;
      const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid profile identity");
      await grant.save();
      return grant;
    },
    ttl: { AuthorizationCode: 60, AccessToken: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  });
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString() || "{}");
}

let provider;

const server = createServer(async (request, response) => {
  if (request.url === "/control") {
    const { rotate, ...changes } = await body(request);
    Object.assign(chosen, changes);
    if (rotate) provider = build(provider.issuer);
    response.end("{}");
  } else if (request.url.startsWith("/interaction/")) {
    const login = {
      accountId: chosen.account,
      acr: chosen.acr,
      amr: ["face"],
      ts: Math.floor(Date.now() / 1000) - chosen.ago,
    };
    await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  } else {
    provider.callback()(request, response);
  }
});

server.listen(0, "127.0.0.1", () => {
  provider = build(`http://127.0.0.1:${server.address().port}`);
  console.log(`ready ${provider.issuer}`);
});

// Whoever started us is gone when our input ends.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
