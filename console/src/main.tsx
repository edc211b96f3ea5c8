/** The entry of the console: styles, the nonce for styles that components add, and the application. */
import { setNonce } from "get-nonce";
import { createRoot } from "react-dom/client";
import { NONCE } from "./api/base.ts";
import { App } from "./app.tsx";
import "./styles/main.css";

setNonce(NONCE);
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no place for the application");
createRoot(root).render(<App />);
