import { defineConfig } from '@playwright/test'

// Hang guards, not expectations: two cores run the browser, the node and the tests.
const testTimeoutMs = 90_000
const expectTimeoutMs = 15_000

/** Debian's browser: Playwright's own would have to be downloaded from elsewhere. */
const chromium = '/usr/bin/chromium'

/** The browser keeps to itself: it asks nobody for updates, lists or hints. */
const browserArgs = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]
/** Chromium refuses its sandbox to root, who runs the tests in containers. */
const rootArgs = process.getuid?.() === 0 ? ['--no-sandbox'] : []

export default defineConfig({
  testDir: 'apps/admin/e2e',
  outputDir: 'test-results/e2e',
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: testTimeoutMs,
  expect: { timeout: expectTimeoutMs },
  // The file of the JSON report is named by PLAYWRIGHT_JSON_OUTPUT_FILE; without it only the list is printed.
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [['list'], ['json']] : [['list']],
  use: {
    headless: true,
    viewport: { width: 1280, height: 720 },
    // Each node of a test makes its own CA, which no browser knows.
    ignoreHTTPSErrors: true,
    screenshot: 'only-on-failure',
    // Costs a quarter of the time: npx playwright test --trace retain-on-failure NAME.
    trace: 'off',
    launchOptions: { executablePath: chromium, args: [...browserArgs, ...rootArgs] },
  },
})
