import { expect, test } from "vitest";
import {
  addCounts,
  createConnectionCounter,
  medianCounts,
  NO_COUNTS,
  type WireCounts,
} from "../../../bench/parts/pg-messages.ts";

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const STARTUP = Buffer.concat([Buffer.from([0, 0, 0, 13, 0, 3, 0, 0]), Buffer.from("user\0")]);

function message(type: string, body = ""): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(type, 0);
  bytes.writeUInt32BE(4 + body.length, 1);
  bytes.write(body, 5, "latin1");
  return bytes;
}

function open() {
  let counts: WireCounts = NO_COUNTS;
  const counter = createConnectionCounter((more) => {
    counts = addCounts(counts, more);
  });
  return { counter, counts: () => counts };
}

const logIn = ({ counter }: ReturnType<typeof open>) => {
  counter.sent(STARTUP);
  counter.received(Buffer.concat([message("R", "\0\0\0\0"), message("Z", "I")]));
};

test("the login counts nothing, also after a refused request for encryption", () => {
  const connection = open();
  connection.counter.sent(SSL_REQUEST);
  connection.counter.received(Buffer.from("N"));
  logIn(connection);
  expect(connection.counts()).toEqual(NO_COUNTS);
});

test("a transaction of three round trips is one commit", () => {
  const connection = open();
  logIn(connection);
  connection.counter.sent(message("Q", "begin\0"));
  connection.counter.received(Buffer.concat([message("C", "BEGIN\0"), message("Z", "T")]));
  connection.counter.sent(
    Buffer.concat([message("P"), message("B"), message("E", "\0\0\0\0\0"), message("S")]),
  );
  const rows = [message("D", "1"), message("D", "2")];
  connection.counter.received(Buffer.concat([message("2"), ...rows, message("Z", "T")]));
  connection.counter.sent(message("Q", "commit\0"));
  connection.counter.received(Buffer.concat([message("C", "COMMIT\0"), message("Z", "I")]));
  expect(connection.counts()).toEqual({
    statements: 3,
    roundTrips: 3,
    commits: 1,
    transactions: 1,
    rowsRead: 2,
  });
});

test("messages are counted once, however the bytes are cut", () => {
  const connection = open();
  logIn(connection);
  for (const byte of message("Q", "select 'E'\0")) connection.counter.sent(Buffer.from([byte]));
  const answer = Buffer.concat([message("D", "ZI"), message("C", "SELECT 1\0"), message("Z", "I")]);
  for (const byte of answer) connection.counter.received(Buffer.from([byte]));
  expect(connection.counts()).toEqual({
    statements: 1,
    roundTrips: 1,
    commits: 1,
    transactions: 0,
    rowsRead: 1,
  });
});

test("the median of several is taken for each count by itself", () => {
  const one = { statements: 3, roundTrips: 5, commits: 1, transactions: 1, rowsRead: 7 };
  const other = { statements: 4, roundTrips: 4, commits: 2, transactions: 0, rowsRead: 0 };
  const third = { statements: 9, roundTrips: 9, commits: 3, transactions: 0, rowsRead: 2 };
  expect(medianCounts([one, other, third])).toEqual({
    statements: 4,
    roundTrips: 5,
    commits: 2,
    transactions: 0,
    rowsRead: 2,
  });
});
