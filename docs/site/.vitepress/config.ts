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
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/own-api" },
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
