// Signs in and creates, reads, lists, changes and deletes users through openapi-fetch, with the types that
// openapi-typescript generates into `schema.d.ts`. Usage: node crud.js URL USERNAME PASSWORD

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type User = components["schemas"]["User"];

const PASSWORD = "a long pass phrase of mine";
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

const [url, username, password] = process.argv.slice(2);
assert(url && username && password);
const client = createClient<paths>({ baseUrl: url });

// The public routes.
assert((await client.GET("/")).data?.message);
assert((await client.GET("/healthz")).data?.status);
assert((await client.GET("/readyz")).data?.status);
const settings = (await client.GET("/settings")).data;
assert(settings && settings.password.min_length <= PASSWORD.length);

async function signIn(username: string, password: string): Promise<Record<string, string>> {
  const { data, response } = await client.POST("/token", { body: { username, password }, headers: FORM });
  assert.equal(response.status, 200);
  assert(data && data.token_type === "bearer" && data.expires_in > 0);
  return { Authorization: `Bearer ${data.access_token}` };
}

// What a sign-in refuses, and a request without a good token.
const wrong = await client.POST("/token", { body: { username, password: "wrong" }, headers: FORM });
assert.equal(wrong.response.status, 401);
assert(wrong.error && "error" in wrong.error && wrong.error.error === "invalid_grant");
const json = await client.POST("/token", { body: { username, password } });
assert.equal(json.response.status, 422);
assert(json.error && "error" in json.error);
assert.match(json.error.error_description, /send application\/x-www-form-urlencoded/);
const stranger = await client.GET("/users", { headers: { Authorization: "Bearer none" } });
assert.equal(stranger.response.status, 401);
assert.equal(stranger.error?.detail, "Could not validate credentials");

const headers = await signIn(username, password);
const me = (await client.GET("/users/me", { headers })).data;
const principal = (await client.GET("/agent", { headers })).data;
assert(me && principal && principal.id === me.id);

// Create.
const email = `${randomUUID()}@example.com`;
const body = { email, password: PASSWORD, role: "member" } as const;
const created = await client.POST("/users", { body, headers });
assert.equal(created.response.status, 201);
const user: User | undefined = created.data;
assert(user);
assert.equal(user.email, email);
assert.equal(user.tenant_id, me.tenant_id);
assert.equal(created.response.headers.get("Location"), `/users/${user.id}`);
const again = await client.POST("/users", { body, headers });
assert.equal(again.response.status, 409);
assert.equal(again.error?.detail, "A user with this email already exists");
const short = await client.POST("/users", { body: { ...body, password: "short" }, headers });
assert.equal(short.response.status, 422);
const problem = short.error?.detail?.[0];
assert(typeof problem === "object");
assert.deepEqual([problem.type, problem.loc], ["string_too_short", ["body", "password"]]);

// Read and list.
const path = { user_id: user.id };
assert.deepEqual((await client.GET("/users/{user_id}", { params: { path }, headers })).data, user);
const listed = await client.GET("/users", { params: { query: { limit: 1000, offset: 0 } }, headers });
assert(listed.data?.some((one) => one.id === user.id));
assert(Number(listed.response.headers.get("X-Total-Count")) >= 2);

// Change: by the user, then by the administrator.
const member = await signIn(email, PASSWORD);
const forbidden = await client.GET("/users", { headers: member });
assert.equal(forbidden.response.status, 403);
assert.equal(forbidden.error?.detail, "Not enough permissions");
const moved = `${randomUUID()}@example.com`;
const change = (body: components["schemas"]["UserUpdate"], headers: Record<string, string>) =>
  client.PATCH("/users/{user_id}", { params: { path }, body, headers });
const unproven = await change({ email: moved }, member);
assert.equal(unproven.response.status, 422);
assert.equal((await change({ email: moved, current_password: PASSWORD }, member)).data?.email, moved);
assert.equal((await change({ role: "admin" }, headers)).data?.role, "admin");
assert.equal((await change({ role: null }, headers)).data?.role, null);

// Delete.
const deleted = await client.DELETE("/users/{user_id}", { params: { path }, headers });
assert.equal(deleted.data?.message, "User deleted successfully");
const gone = await client.GET("/users/{user_id}", { params: { path }, headers });
assert.equal(gone.response.status, 404);
assert.equal(gone.error?.detail, "User not found");
