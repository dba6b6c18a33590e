// A verifier in Node: `worker.mjs LIBRARY FILE`, run from the folder that holds node_modules.
//
// Reads lines of `ALGORITHM COUNT` and answers each with the nanoseconds that so many verifications took, by the clock and of
// all cores together, or `-` for an algorithm that the library does not know. FILE holds keys and tokens, as
// `portcullis-peers tokens` writes them.

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

// How many calls each has in flight that answers with promises. The others have no await: it costs about a microsecond.
const IN_FLIGHT = { jose: 1, "jose, 16 in flight": 16 };

const LIBRARIES = {
  jose,
  "jose, 16 in flight": jose,
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

const inFlight = IN_FLIGHT[library];
async function work(verify, token, count) {
  let left = count;
  const calls = async () => {
    while (left-- > 0) await verify(token);
  };
  if (inFlight) await Promise.all(Array.from({ length: inFlight }, calls));
  else while (left-- > 0) verify(token);
}

for await (const line of createInterface({ input: process.stdin })) {
  const [algorithm, count] = line.split(" ");
  const { verify, token } = verifiers[algorithm];
  if (!verify) {
    console.log("-");
    continue;
  }
  const [start, spent] = [process.hrtime.bigint(), process.cpuUsage()];
  await work(verify, token, Number(count));
  const [end, { user, system }] = [process.hrtime.bigint(), process.cpuUsage(spent)];
  console.log(`${end - start} ${(user + system) * 1000}`);
}
