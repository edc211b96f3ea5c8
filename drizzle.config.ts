/**
 * Where drizzle-kit finds the description of the rows and where it writes migrations.
 */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: "./src/store/schema/*.ts",
  out: "./migrations",
});
