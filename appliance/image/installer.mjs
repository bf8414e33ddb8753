export async function makeUsb() {}
