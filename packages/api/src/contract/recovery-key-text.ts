/** The text of a file with a facility's recovery key, as age reads it. */
export function recoveryKeyText(
  key: { secret: string; recipient: string },
  facility: string,
  createdAt: number,
): string {
  return [
    `# Recovery key of ${facility.replaceAll(/\s+/g, ' ')}, made ${new Date(createdAt).toISOString()}`,
    '# Whoever has it and a backup has everything. Keep it where no node is.',
    `# public key: ${key.recipient}`,
    key.secret,
    '',
  ].join('\n')
}
