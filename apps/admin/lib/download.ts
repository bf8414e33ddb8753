/** Hands a text to the browser as a file. */
export function downloadText(fileName: string, text: string | string[], mediaType: string): void {
  const address = URL.createObjectURL(new Blob(Array.isArray(text) ? text : [text], { type: mediaType }))
  const link = document.createElement('a')
  link.href = address
  link.download = fileName
  link.click()
  URL.revokeObjectURL(address)
}
