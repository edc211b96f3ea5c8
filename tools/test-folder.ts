/**
 * Where the servers of a run of the tests keep their files: in memory, if the system has such a folder. A database of a
 * test's own is some three hundred files, which many disks make ten times slower.
 * Boundary: Linux alone has the folder; elsewhere, or where it is small as in most containers, it is the usual one.
 */
import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";

const IN_MEMORY = "/dev/shm";
const FREE_AT_LEAST = 8 * 1024 ** 3;

/** The folder for temporary files, absolute. */
export async function findTestFolder(): Promise<string> {
  try {
    await access(IN_MEMORY, constants.W_OK);
    const { bavail, bsize } = await statfs(IN_MEMORY);
    return bavail * bsize >= FREE_AT_LEAST ? IN_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}
