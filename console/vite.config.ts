/**
 * How the console is compiled. Packages of Connect and protobuf are those of the service, one folder up, so that there is one of each.
 * `npx vite` here serves the sources and passes calls on to a service on port 8080.
 */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const SERVICE = "http://127.0.0.1:8080";

export default defineConfig(({ command }) => ({
  // The service puts the path in that it is reached by.
  base: command === "serve" ? "/console/" : "./",
  plugins: [react()],
  build: {
    outDir: "../dist/console",
    emptyOutDir: true,
    target: "es2023",
    manifest: true,
    // A data: URL would need an exception of the content security policy.
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  server: {
    proxy: { "/console/config.json": SERVICE, "^/workflows\\.": SERVICE },
    fs: { allow: [".."] },
  },
}));
