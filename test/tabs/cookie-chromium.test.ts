/** Sessions whose refresh token is a cookie, in Chromium. */
import { cookieCases } from "./cookie-cases.ts";
import { useBrowser } from "./cookie-tabs.ts";

useBrowser("chromium");

cookieCases();
