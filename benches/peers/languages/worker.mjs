// A verifier in Node: `worker.mjs LIBRARY FILE`, run from the folder that holds node_modules.
//
// Reads lines of `ALGORITHM COUNT` and answers each with the nanoseconds that so many verifications took, or `-` for an
// algorithm that the library does not know. FILE holds keys and tokens, as `portcullis-peers tokens` writes them.

import assert from "node:assert";
import { createPublicKey, createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// The packages are installed apart from this file.
const packages = createRequire(pathToFileURL(`${process.cwd()}/`));

async function jose({ secret, public_pem }, algorithm, issuer, audience) {
  const { importSPKI, jwtVerify } = await import(pathToFileURL(packages.resolve("jose")));
  const bytes = new TextEncoder().encode(secret);
  const key = secret
    ? await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"])
    : await importSPKI(public_pem, algorithm);
  const options = { algorithms: [algorithm], issuer, audience, requiredClaims: ["exp", "sub"] };
  return (token) => jwtVerify(token, key, options);
}

function fastJwt(cache) {
  return ({ secret, public_pem }, algorithm, allowedIss, allowedAud) => {
    const { createVerifier } = packages("fast-jwt");
    const requiredClaims = ["exp", "iss", "aud", "sub"];
    const key = secret || public_pem;
    return createVerifier({ key, algorithms: [algorithm], allowedIss, allowedAud, requiredClaims, cache });
  };
}

function jsonwebtoken({ secret, public_pem }, algorithm, issuer, audience) {
  if (algorithm === "EdDSA") return null;
  const { verify } = packages("jsonwebtoken");
  const key = secret ? createSecretKey(Buffer.from(secret)) : createPublicKey(public_pem);
  return (token) => verify(token, key, { algorithms: [algorithm], issuer, audience });
}

const LIBRARIES = {
  jose,
  "fast-jwt": fastJwt(false),
  "fast-jwt, cached": fastJwt(true),
  jsonwebtoken,
};

// What takes a bad token, or refuses a good one, is not worth timing.
async function prove(verify, { good, bad }) {
  await verify(good);
  for (const [what, token] of bad) {
    await assert.rejects(async () => verify(token), `takes a token ${what}`);
  }
}

const [library, file] = process.argv.slice(2);
const { issuer, audience, algorithms } = JSON.parse(readFileSync(file, "utf8"));
const verifiers = {};
for (const [algorithm, tokens] of Object.entries(algorithms)) {
  const verify = await LIBRARIES[library](tokens, algorithm, issuer, audience);
  if (verify) await prove(verify, tokens);
  verifiers[algorithm] = { verify, token: tokens.good };
}

// An await costs about a microsecond, so only the library that answers with promises gets one.
const promises = library === "jose";
for await (const line of createInterface({ input: process.stdin })) {
  const [algorithm, count] = line.split(" ");
  const { verify, token } = verifiers[algorithm];
  if (!verify) {
    console.log("-");
    continue;
  }
  const start = process.hrtime.bigint();
  if (promises) for (let n = 0; n < count; n++) await verify(token);
  else for (let n = 0; n < count; n++) verify(token);
  console.log(`${process.hrtime.bigint() - start}`);
}
