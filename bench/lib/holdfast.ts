export async function startHoldfast(): Promise<void> {}
