/** Sign-in: by a pasted token, and at an OIDC provider; where the token is kept, and what happens when it ends. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Callers, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { openPage, startBrowser } from "../support/browser/browser.ts";
import {
  type ConsoleService,
  startConsoleService,
  WORKSPACE,
} from "../support/browser/console-service.ts";
import { type OidcProvider, startOidcProvider } from "../support/browser/oidc-provider.ts";

const SECRET = "a-token-of-ada";
const READER = "a-token-of-a-reader";
const OTHER = "a-token-of-ada-elsewhere";
const DISCOVERY = /\.well-known\/openid-configuration/;

let isEnded = false;
/** Tokens that a provider gave and that have not ended. */
const renewedTokens = new Set<string>();
const callers: Callers = {
  async find(token) {
    if (token === OTHER) return { ...callerOf("ada", "admin"), workspaceId: "ws_other" };
    if (token === READER) return callerOf("reader", "viewer");
    if (renewedTokens.has(token)) return callerOf("ada", "admin");
    return token === SECRET && !isEnded ? callerOf("ada", "admin") : undefined;
  },
};

function callerOf(subject: string, role: string) {
  return { subject, workspaceId: WORKSPACE, scopes: grantedScopes([role]), isAgent: false };
}

let browser: Browser;
let byToken: ConsoleService;
let byProvider: ConsoleService;
let provider: OidcProvider;
beforeAll(async () => {
  provider = await startOidcProvider({ token: () => SECRET, lifeSeconds: 300, isRenewed: false });
  const oidc = { issuer: provider.issuer, clientId: "console", audience: "workflows" };
  [browser, byToken, byProvider] = await Promise.all([
    startBrowser(),
    startConsoleService({ authMode: "introspect" }, callers),
    startConsoleService({ authMode: "jwt", oidc }, callers),
  ]);
});
afterAll(async () => {
  await browser.close();
  await Promise.all([byToken.stop(), byProvider.stop(), provider.stop()]);
});

async function paste(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Ends the token for as long as something takes. */
async function end(work: () => Promise<unknown>): Promise<void> {
  isEnded = true;
  try {
    await work();
  } finally {
    isEnded = false;
  }
}

/** Everything that outlives the page, or leaves it, as one text. */
function keptIn(page: Page): Promise<string> {
  return page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, document.cookie, location.href, history.state]),
  );
}

describe("a pasted token", () => {
  test("opens the page of the address, and is kept in this tab alone", async () => {
    const { page, faults, accessibilityFaults } = await openPage(browser);
    await page.goto(`${byToken.consoleUrl}/system?tab=collaborators`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await accessibilityFaults()).toEqual([]);
    await paste(page, `Bearer ${SECRET}`);
    await page.getByText("Ended runs are kept for").waitFor();
    await page.getByText("ada", { exact: true }).waitFor();
    expect(await keptIn(page)).not.toContain(SECRET);
    await page.reload();
    await page.getByText("Ended runs are kept for").waitFor();
    expect(faults).toEqual([]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).toBe("{}");
  });

  test("that the service does not know is refused in words", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${byToken.consoleUrl}/runs`);
    await paste(page, "something-else");
    await page.getByRole("alert").getByText("does not take the token").waitFor();
    await page.getByLabel("Token").fill("two words");
    expect(await page.getByRole("button", { name: "Sign in" }).isDisabled()).toBe(true);
  });

  test("that ends while the page is open leads back to the sign-in, and then to the same page", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${byToken.consoleUrl}/runs?state=failed`);
    await paste(page, SECRET);
    await page.getByText("No run matches").waitFor();
    await end(() => page.getByLabel("Token").waitFor());
    await paste(page, SECRET);
    await page.getByText("No run matches").waitFor();
    expect(page.url()).toBe(`${byToken.consoleUrl}/runs?state=failed`);
  });

  test("that ends leaves what was typed for who signs in again, and nothing of it for another person", async () => {
    const { page, accessibilityFaults } = await openPage(browser);
    await page.goto(`${byToken.consoleUrl}/runs?state=failed`);
    await paste(page, SECRET);
    await page.getByText("No run matches").waitFor();
    await page.getByText("ada", { exact: true }).waitFor();
    const search = page.getByRole("searchbox", { name: /^Search workflows/ });
    await search.fill("half a word");
    const dialog = page.getByRole("dialog", { name: "Sign in again" });
    await end(() => dialog.waitFor());
    expect(await accessibilityFaults()).toEqual([]);
    await paste(page, "something-else");
    await dialog.getByText("You are not signed in").waitFor();
    await paste(page, SECRET);
    await dialog.waitFor({ state: "detached" });
    expect(await search.inputValue()).toBe("half a word");
    await end(() => dialog.waitFor());
    await paste(page, READER);
    await page.getByText("reader", { exact: true }).waitFor();
    expect(await search.inputValue()).toBe("");
  });

  test("of another workspace has an inbox stream of its own, and one of the same shares it", async () => {
    const { page } = await openPage(browser);
    const tokens: (string | undefined)[] = [];
    page.context().on("request", (request) => {
      if (/Inbox\/Watch/.test(request.url())) tokens.push(request.headers().authorization);
    });
    for (const token of [SECRET, SECRET, OTHER]) {
      const next = await page.context().newPage();
      await next.goto(`${byToken.consoleUrl}/inbox`);
      await paste(next, token);
      await next.getByText("Live", { exact: true }).waitFor({ timeout: 10_000 });
    }
    expect(tokens).toEqual([`Bearer ${SECRET}`, `Bearer ${OTHER}`]);
  });

  test("without the scope to run has no button that starts", async () => {
    const { page } = await openPage(browser);
    const headers = { authorization: `Bearer ${SECRET}` };
    const { definition } = await byToken.client.createDefinition(
      { workspaceId: WORKSPACE, name: "expense" },
      { headers },
    );
    const definitionId = definition?.id ?? "";
    await byToken.client.publishVersion(
      { definitionId, steps: [{ id: "a", name: "A", stepType: 8 }] },
      { headers },
    );
    await page.goto(`${byToken.consoleUrl}/workflows/${definitionId}`);
    await paste(page, READER);
    await page.getByRole("tab", { name: "Steps" }).waitFor();
    await page.getByText("reader", { exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "Start" }).count()).toBe(0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await paste(page, SECRET);
    await page.getByRole("button", { name: "Start" }).waitFor();
  });
});

describe("an OIDC provider", () => {
  test("signs in by a code with PKCE, and the page of the address opens", async () => {
    const { page, faults } = await openPage(browser);
    await page.goto(`${byProvider.consoleUrl}/system?tab=collaborators`);
    await page.getByRole("button", { name: /^Sign in at 127/ }).click();
    await page.getByText("Ended runs are kept for").waitFor();
    expect(page.url()).toBe(`${byProvider.consoleUrl}/system?tab=collaborators`);
    const query = provider.asked.at(-1);
    expect(query?.get("client_id")).toBe("console");
    expect(query?.get("response_type")).toBe("code");
    expect(query?.get("code_challenge_method")).toBe("S256");
    expect(query?.get("audience")).toBe("workflows");
    expect(query?.get("redirect_uri")).toBe(`${byProvider.consoleUrl}/signed-in`);
    expect(await keptIn(page)).not.toContain(SECRET);
    expect(faults).toEqual([]);
  });

  test("whose answer belongs to no sign-in of this tab is refused", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${byProvider.consoleUrl}/signed-in?code=stolen&state=x`);
    await page.getByRole("alert").getByText("not begun in this tab").waitFor();
    await page.getByRole("button", { name: /^Sign in at/ }).click();
    await page.getByRole("heading", { name: "Home" }).waitFor();
  });

  test("whose answer has another state is refused", async () => {
    const { page } = await openPage(browser);
    await page.route(/signed-in/, async (route) => {
      const url = new URL(route.request().url());
      if (url.searchParams.get("state") === "forged") return route.fallback();
      url.searchParams.set("state", "forged");
      return route.fulfill({ status: 302, headers: { location: url.href } });
    });
    await page.goto(`${byProvider.consoleUrl}/runs`);
    await page.getByRole("button", { name: /^Sign in at/ }).click();
    await page.getByRole("alert").getByText("state").waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });
});

describe("a token that the provider renews", () => {
  let given = 0;
  let renewing: OidcProvider;
  let service: ConsoleService;
  beforeAll(async () => {
    renewing = await startOidcProvider({
      token() {
        given += 1;
        const token = `renewed-${given}`;
        renewedTokens.add(token);
        return token;
      },
      lifeSeconds: 4,
      isRenewed: true,
    });
    const oidc = { issuer: renewing.issuer, clientId: "console", audience: "workflows" };
    service = await startConsoleService({ authMode: "jwt", oidc }, callers);
  });
  afterAll(async () => {
    await Promise.all([service.stop(), renewing.stop()]);
  });

  async function openSignedIn() {
    const opened = await openPage(browser);
    await opened.page.goto(`${service.consoleUrl}/runs?state=failed`);
    await opened.page.getByRole("button", { name: /^Sign in at 127/ }).click();
    await opened.page.getByText("No run matches").waitFor();
    return opened;
  }

  test("is renewed before it ends, each refresh token once, and the page does not change", async () => {
    const { page, faults } = await openSignedIn();
    let discoveries = 0;
    page.on("request", (request) => {
      if (DISCOVERY.test(request.url())) discoveries += 1;
    });
    expect(renewing.asked.at(-1)?.get("scope")).toContain("offline_access");
    await expect.poll(() => renewing.renewals.length, { timeout: 15_000 }).toBeGreaterThan(1);
    expect(new Set(renewing.renewals).size).toBe(renewing.renewals.length);
    // The sign-in has asked.
    expect(discoveries).toBe(0);
    // The provider counts a renewal before the page has its answer.
    const keptByTab = () => page.evaluate(() => JSON.stringify({ ...sessionStorage }));
    await expect.poll(keptByTab).toContain(`renewed-${given}`);
    await page.reload();
    await page.getByText("No run matches").waitFor();
    expect(page.url()).toBe(`${service.consoleUrl}/runs?state=failed`);
    expect(faults).toEqual([]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: /^Sign in at/ }).waitFor();
    expect(await keptByTab()).toBe("{}");
  });

  test("is good until its end while the provider does not answer", async () => {
    const { page } = await openSignedIn();
    await page.route(DISCOVERY, () => undefined);
    await page.reload();
    // Nearly all of its four seconds are over.
    await page.waitForRequest(DISCOVERY);
    await page.reload();
    await page.waitForRequest(DISCOVERY);
    await page.getByText("No run matches").waitFor({ timeout: 9_000 });
  });

  test("is renewed when the service refuses it early, and nobody is asked", async () => {
    const { page } = await openSignedIn();
    const before = renewing.renewals.length;
    renewedTokens.clear();
    await expect.poll(() => renewing.renewals.length).toBeGreaterThan(before);
    await page.getByText("No run matches").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
  });

  test("is renewed when a stream was opened with one that has ended, and the page is live again", async () => {
    const { page } = await openSignedIn();
    const sent: (string | undefined)[] = [];
    await page.route(/Inbox\/Watch/, (route) => {
      sent.push(route.request().headers().authorization);
      if (sent.length > 1) return route.continue();
      const body = JSON.stringify({ code: "unauthenticated", message: "the token has ended" });
      return route.fulfill({ status: 401, contentType: "application/json", body });
    });
    await page.getByRole("link", { name: "Inbox", exact: true }).click();
    await page.reload();
    await page.getByText("Live", { exact: true }).waitFor();
    expect(sent).toHaveLength(2);
    expect(sent[1]).not.toBe(sent[0]);
    expect(await page.getByRole("dialog").count()).toBe(0);
  });

  test("that is refused when another one has come meanwhile does not sign out", async () => {
    const { page } = await openSignedIn();
    let old = "";
    const isHeld = new Promise<void>((held) => {
      void page.route(/System\/WhoAmI/, async (route) => {
        const token = route.request().headers().authorization ?? "";
        if (old !== "") return route.continue();
        old = token;
        held();
        const before = renewing.renewals.length;
        await expect
          .poll(() => renewing.renewals.length, { timeout: 9_000 })
          .toBeGreaterThan(before);
        const body = JSON.stringify({ code: "unauthenticated", message: "the token has ended" });
        await route.fulfill({ status: 401, contentType: "application/json", body });
      });
    });
    await page.reload();
    await isHeld;
    await page.getByText("ada", { exact: true }).waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
  });
});
