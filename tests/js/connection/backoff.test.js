import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffSeconds } from "../../../notifications/frontend/connection/backoff.js";

test("Pauses end at 30 s and are spread over half of their length.", () => {
  assert.deepEqual([backoffSeconds(1, 1), backoffSeconds(5, 1), backoffSeconds(50, 1)], [1, 16, 30]);
  assert.equal(backoffSeconds(50, 0), 15);
  assert.deepEqual(
    [backoffSeconds(1, 1, { first: 60, longest: 100 }), backoffSeconds(2, 1, { first: 60, longest: 100 })],
    [60, 100],
  );
});
