/** VitePress: its pages are made by `scripts/docs.js`, which `npm run docs` calls. */
import { defineConfig } from "vitepress";
import llms from "vitepress-plugin-llms";
import { contents } from "../contents.js";
import errors from "../pages/errors/sidebar.json";
import reference from "../pages/reference/sidebar.json";

const groups = contents.map(({ title, pages }) => ({
  text: title,
  items: pages.map(([page, text]) => ({
    text,
    link: page === "index" ? "/" : `/${page}`,
    ...(page === "errors" && { collapsed: true, items: errors }),
  })),
}));

/** The name of a block's language is too faint, and the search button shows keys that its name does not say. */
const legible = `
  body .vp-doc [class*="language-"] > span.lang { color: var(--vp-c-text-2) }
  body .DocSearch-Button .DocSearch-Button-Keys { display: none }
`;

export default defineConfig({
  title: "tokenkeep",
  description:
    "Keeps an API's tokens safe and fresh, so that application code only ever calls vault.fetch",
  srcDir: "pages",
  outDir: "dist",
  // The site may stand in a folder of its host.
  base: process.env.DOCS_BASE ?? "/",
  cleanUrls: true,
  ignoreDeadLinks: false,
  head: [
    ["link", { rel: "icon", href: "data:," }],
    ["style", {}, legible],
  ],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config(markdown) {
      // A table's first line may say nothing: then it heads nothing.
      markdown.core.ruler.push("empty_headers", ({ tokens }) => {
        tokens.forEach((token, index) => {
          const [inline, close] = tokens.slice(index + 1, index + 3);
          if (token.type !== "th_open" || inline?.content !== "") return;
          for (const one of [token, close]) if (one) one.tag = "td";
        });
      });
    },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/own-api" },
      // No page of VitePress's: the browser goes there by itself.
      { text: "Demo", link: "/demo/", target: "_self" },
      { text: "Errors", link: "/errors" },
      { text: "Reference", link: "/reference/" },
    ],
    sidebar: {
      "/reference/": reference,
      "/": groups,
    },
    socialLinks: [{ icon: "github", link: "https://github.com/tokenkeep/tokenkeep" }],
  },
  vite: { plugins: [llms()] },
});
