import type { NextConfig } from 'next'

/** A static export: the daemon serves the files, so that there is no second process and no server-side rendering. */
const config: NextConfig = {
  output: 'export',
  generateBuildId: () => process.env.HOLDFAST_BUILD_ID ?? 'development',
  reactStrictMode: true,
  poweredByHeader: false,
  images: { unoptimized: true },
  transpilePackages: [
    '@holdfast/api',
    '@patternfly/react-core',
    '@patternfly/react-icons',
    '@patternfly/react-styles',
    '@patternfly/react-table',
  ],
}

export default config
