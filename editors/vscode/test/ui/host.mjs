export async function host() {}
