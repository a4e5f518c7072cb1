import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { post, RequestFailure } from '#console/page/asking/ask-server.ts';
import { html } from '#console/page/html.ts';
import { navigate } from '#console/page/navigation/navigation.ts';

/** Beyond loopback the console wants its password; afterwards one is where one wanted to go. */
export function LoginPage({ onOpen }: { onOpen: () => void }): VNode {
  const [trouble, setTrouble] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const open = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const password = String(new FormData(event.target as HTMLFormElement).get('password'));
    setAsking(true);
    setTrouble(undefined);
    try {
      await post('/session', { password });
      if (location.pathname === '/login') navigate('/', 'replace');
      onOpen();
    } catch (error) {
      const wrong = error instanceof RequestFailure && error.status === 401;
      setTrouble(
        wrong ? 'This is not the password.' : error instanceof Error ? error.message : String(error),
      );
    } finally {
      setAsking(false);
    }
  };
  return html`
    <main class="login">
      <form class="card" onSubmit=${open}>
        <h1>Telemetry console</h1>
        <label>Password <input name="password" type="password" required autocomplete="current-password" autofocus aria-describedby="login-trouble" /></label>
        <p id="login-trouble" class="bad" role="alert">${trouble}</p>
        <button class="primary" disabled=${isAsking}>Log in</button>
        <p class="muted">It is <code>CONSOLE_PASSWORD</code> of the process that serves this page.</p>
      </form>
    </main>
  `;
}
