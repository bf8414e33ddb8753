/** Lets the browser save `text` as a file. */
export function downloadText(
  fileName: string,
  text: string | string[],
  type = 'text/plain;charset=utf-8',
): void {
  const url = URL.createObjectURL(new Blob(Array.isArray(text) ? text : [text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  URL.revokeObjectURL(url)
}
