export async function trust() {}
