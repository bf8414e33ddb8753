/** How each system learns to trust a certificate authority; the file is the one that this page lets people download. */
export interface TrustGuide {
  title: string
  steps: { text: string; command?: string }[]
}

export const trustGuides: readonly TrustGuide[] = [
  {
    title: 'Windows',
    steps: [
      { text: 'Rename the file to holdfast-ca.crt and open it.' },
      { text: 'Choose Install Certificate, then Local Machine.' },
      {
        text: 'Choose “Place all certificates in the following store”, then Trusted Root Certification Authorities.',
      },
      {
        text: 'Or, in a terminal opened as administrator:',
        command: 'certutil -addstore Root holdfast-ca.crt',
      },
    ],
  },
  {
    title: 'macOS',
    steps: [
      { text: 'Open the file; Keychain Access asks where to put it: choose System.' },
      { text: 'Open the certificate in the list, unfold Trust, and choose Always Trust.' },
      {
        text: 'Or, in a terminal:',
        command:
          'sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain holdfast-ca.pem',
      },
    ],
  },
  {
    title: 'Debian and Ubuntu',
    steps: [
      {
        text: 'Put the file among the system’s authorities (the name must end in .crt):',
        command: 'sudo cp holdfast-ca.pem /usr/local/share/ca-certificates/holdfast-ca.crt',
      },
      { text: 'Renew the list:', command: 'sudo update-ca-certificates' },
      { text: 'Browsers on Linux keep their own lists: see Firefox and Chromium below.' },
    ],
  },
  {
    title: 'Fedora and Red Hat',
    steps: [
      { text: 'Add the file to the system’s trust store:', command: 'sudo trust anchor holdfast-ca.pem' },
      { text: 'Check that it is there:', command: 'trust list --filter=ca-anchors' },
    ],
  },
  {
    title: 'Firefox, on any system',
    steps: [
      { text: 'Open Settings, Privacy & Security, Certificates, View Certificates.' },
      { text: 'On the tab Authorities choose Import and pick the file.' },
      { text: 'Tick “Trust this CA to identify websites”.' },
    ],
  },
  {
    title: 'Chromium on Linux',
    steps: [
      {
        text: 'Add the file to the list of your account (certutil is in the package libnss3-tools):',
        command: 'certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n Holdfast -i holdfast-ca.pem',
      },
    ],
  },
  {
    title: 'iPhone and iPad',
    steps: [
      { text: 'Open this page in Safari and download the file; confirm that a profile was downloaded.' },
      { text: 'In Settings open Profile Downloaded and choose Install.' },
      { text: 'In Settings, General, About, Certificate Trust Settings switch the authority on.' },
    ],
  },
  {
    title: 'Android',
    steps: [
      { text: 'Download the file on this page.' },
      { text: 'In Settings search for “CA certificate”, choose Install anyway and pick the file.' },
    ],
  },
  {
    title: 'The holdfast command',
    steps: [
      {
        text: 'Name the file once when you sign in; the profile remembers it:',
        command: 'holdfast login --url https://NODE:7443 --user NAME --ca holdfast-ca.pem',
      },
      {
        text: 'The fingerprint of a file is shown by:',
        command: 'openssl x509 -in holdfast-ca.pem -noout -fingerprint -sha256',
      },
    ],
  },
]
