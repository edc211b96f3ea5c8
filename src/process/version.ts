/** The version of this program, as package.json says (test/unit/process/version.test.ts). */
export const VERSION = "0.1.0";
