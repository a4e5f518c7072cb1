/** `1 letter`, `1,000 letters`: for people. */
export function counted(count: number, noun: string, several = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : several}`;
}
