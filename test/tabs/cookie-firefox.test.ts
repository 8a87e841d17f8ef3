/** Sessions whose refresh token is a cookie, in Firefox. */
import { cookieCases } from "./cookie-cases.ts";
import { useBrowser } from "./cookie-tabs.ts";

useBrowser("firefox");

cookieCases();
